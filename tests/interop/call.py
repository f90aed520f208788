#!/usr/bin/python3
"""One unary call from Python, with nothing of Hallmark in the process: nng's ordinary REQ socket and the contract.

    call.py URL CONTRACT.proto SERVICE/METHOD JSON [BRAND TOKEN-FILE]

Prints the reply as JSON, then the id of the audit entry if the call has one; a failure goes to standard error with its status
and ends the program with 1. The packet is the one of runtime/wire/README.md, "One call with one message".
"""
import ctypes
import os
import struct
import subprocess
import sys
import uuid

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

PATIENCE_MS = 10000
SOLO = 1
BIND, CALL, REPLY = 2, 3, 4
AUDITED = 1
CALL_ID = 0x00010000


def load_contract(path):
    """The contract and all it imports, as protoc reads them."""
    arguments = ["protoc", "-Iproto", "-Itests/proto", "-I/usr/include"]
    arguments += ["--include_imports", "--descriptor_set_out=/dev/stdout", path]
    files = descriptor_pb2.FileDescriptorSet.FromString(subprocess.check_output(arguments))
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


def new_message(pool, name):
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))()


def method_id(name):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def frame(kind, call, body):
    return struct.pack("<IIBBH", len(body), call, kind, 0, 0) + body


def pack_call(name, request, brand, token):
    bind = bytes([len(brand)]) + brand + token
    head = struct.pack("<Q16sQIHH", method_id(name), uuid.uuid4().bytes, 0, PATIENCE_MS, 0, 0)
    return b"H" + bytes([1, SOLO, 0]) + bytes(4) + frame(BIND, 0, bind) + frame(CALL, CALL_ID, head + request)


def unpack_reply(packet):
    """The status, the audit entry's id or None, and the body."""
    if len(packet) < 20 or packet[0:2] != b"H\x01":
        raise ValueError("that is no packet of this protocol")
    size, call, kind, flags, status = struct.unpack_from("<IIBBH", packet, 8)
    if kind != REPLY or call != CALL_ID or len(packet) != 20 + size:
        raise ValueError("that is no reply to the call")
    body = packet[20:]
    if flags & AUDITED:
        return status, uuid.UUID(bytes=body[:16]), body[16:]
    return status, None, body


class Request:
    """nng's REQ socket: one message out, its answer in."""

    def __init__(self, url):
        self.nng = ctypes.CDLL("libnng.so.1")
        self.nng.nng_strerror.restype = ctypes.c_char_p
        self.nng.nng_recv.argtypes = [ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
        self.nng.nng_send.argtypes = [ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        self.nng.nng_free.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        socket = ctypes.c_uint32()
        self.check(self.nng.nng_req0_open(ctypes.byref(socket)))
        self.socket = socket
        self.check(self.nng.nng_socket_set_ms(socket, b"recv-timeout", PATIENCE_MS))
        self.check(self.nng.nng_dial(socket, url.encode(), None, 0))

    def check(self, error):
        if error:
            raise OSError(self.nng.nng_strerror(error).decode())

    def ask(self, packet):
        allocate = 1  # NNG_FLAG_ALLOC: the library makes room for the answer
        at, size = ctypes.c_void_p(), ctypes.c_size_t()
        self.check(self.nng.nng_send(self.socket, packet, len(packet), 0))
        self.check(self.nng.nng_recv(self.socket, ctypes.byref(at), ctypes.byref(size), allocate))
        answer = ctypes.string_at(at, size.value)
        self.nng.nng_free(at, size)
        return answer


def main(url, contract, name, text, brand="", token_file=os.devnull):
    pool = load_contract(contract)
    method = pool.FindMethodByName(name.replace("/", "."))
    request = new_message(pool, method.input_type.full_name)
    json_format.Parse(text, request)
    with open(token_file, "rb") as file:
        token = file.read().strip()
    packet = pack_call(name, request.SerializeToString(), brand.encode(), token)
    status, audit_id, body = unpack_reply(Request(url).ask(packet))
    if status:
        failure = new_message(load_contract("hallmark/status.proto"), "hallmark.Status")
        failure.ParseFromString(body)
        sys.exit(f"status {status}: {failure.message}")
    reply = new_message(pool, method.output_type.full_name)
    reply.ParseFromString(body)
    print(json_format.MessageToJson(reply, indent=None, preserving_proto_field_name=True))
    if audit_id:
        print("audit", audit_id)


if __name__ == "__main__":
    if len(sys.argv) not in (5, 7):
        sys.exit(__doc__)
    main(*sys.argv[1:])
