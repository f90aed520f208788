/* Hallmark: all a service's author or a caller includes (by way of the generated <service>.hm.h). */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/scoped.h"
#include "base/status.h"
#include "client/channel.h"
#include "client/context.h"
#include "client/stream.h"
#include "client/traceparent.h"
#include "guard/work.h"
#include "rpc/method.h"
#include "server/call.h"
#include "server/call_stream.h"
#include "store/query.h"

/* HM_SET gives an optional scalar field its value and its presence: { …, HM_SET(amount, 5) }. */
#define HM_SET(field, value) .has_##field = 1, .field = (value)
