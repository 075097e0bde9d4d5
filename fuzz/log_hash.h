/* log_hash.h: a run in 64 bits, to tell whether two runs are the same one. */
#ifndef TORN_LOG_HASH_H
#define TORN_LOG_HASH_H

#include "torn.h"

/* All that must be the same in two runs of one plan: every op and all output. */
uint64_t torn_log_hash(const struct torn_log *log);
/*
 * How the operation behaved: the same, but for output, and with only the class
 * of an errno where a fault made it. Two plans under which it behaves alike have
 * the same runs behind them, wherever the errno itself is not looked at later.
 */
uint64_t torn_log_behaviour(const struct torn_log *log);
/* What it changed and made durable, by inodes: what a power cut after it is about. */
uint64_t torn_log_changes(const struct torn_log *log);

#endif
