/* Requests to platform, as its tests write them. */
#pragma once
#include "platform/v1/platform.hm.h"

/* A request of a method: request(PUT_SETTING, PutSetting, .key = "a", .value = "1"). */
#define request(BASE, Name, ...)                                          \
	&(Platform__##Name##Request)                                      \
	{                                                                 \
		PLATFORM_##BASE##_REQUEST_BASE __VA_OPT__(, ) __VA_ARGS__ \
	}
