/* bench_states.h: figures of power cuts, for torn-bench: each beside the bare thing. */
#ifndef TORN_BENCH_STATES_H
#define TORN_BENCH_STATES_H

/* Print how fast states of a target are judged and its recovery is run. Returns 0, or 1 after saying why not. */
int torn_bench_states(const char *target);
/* Print what a state costs in logs of 10, 100 and 1000 ops. Returns as the above. */
int torn_bench_logs(void);

#endif
