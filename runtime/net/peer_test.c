/* Peer: which addresses the door counts as one. */
#include "net/peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

static uint64_t source_of(const char *text)
{
	nng_sockaddr address = { .s_family = NNG_AF_INET };

	if (inet_pton(AF_INET, text, &address.s_in.sa_addr) == 1)
		return hm_peer_source_of(&address, 0);
	address = (nng_sockaddr){ .s_family = NNG_AF_INET6 };
	cr_assert_eq(inet_pton(AF_INET6, text, address.s_in6.sa_addr), 1);
	return hm_peer_source_of(&address, 0);
}

Test(peer, an_ipv4_address_is_one_source_however_the_listener_sees_it)
{
	cr_assert_eq(source_of("10.0.0.1"), source_of("::ffff:10.0.0.1"));
	cr_assert_neq(source_of("10.0.0.1"), source_of("10.0.0.2"));
	cr_assert_neq(source_of("::ffff:10.0.0.1"), source_of("::ffff:10.0.0.2"), "all of IPv4 would be one source");
}

Test(peer, an_ipv6_network_is_one_source)
{
	cr_assert_eq(source_of("2001:db8:0:1::1"), source_of("2001:db8:0:1:ffff::2"));
	cr_assert_neq(source_of("2001:db8:0:1::1"), source_of("2001:db8:0:2::1"));
}
