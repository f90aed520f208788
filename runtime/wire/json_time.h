/*
 * Times in JSON: google.protobuf.Timestamp as RFC 3339 ("2026-11-22T10:00:00.123Z", years 1 to 9999, to the nanosecond)
 * and google.protobuf.Duration as seconds ("-1.500s", ±10,000 years). Fractions have 0, 3, 6 or 9 digits.
 */
#pragma once
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <stdbool.h>

enum { HM_JSON_TIME_BYTES = 48 };

/* hm_json_time_format and hm_json_duration_format write the text; false when the value is outside the format's range. */
bool hm_json_time_format(const Google__Protobuf__Timestamp *time, char ret_text[HM_JSON_TIME_BYTES]);
bool hm_json_duration_format(const Google__Protobuf__Duration *duration, char ret_text[HM_JSON_TIME_BYTES]);

/* hm_json_time_parse and hm_json_duration_parse read it, a time with any offset from UTC; false for anything else. */
bool hm_json_time_parse(const char *text, Google__Protobuf__Timestamp *ret_time);
bool hm_json_duration_parse(const char *text, Google__Protobuf__Duration *ret_duration);
