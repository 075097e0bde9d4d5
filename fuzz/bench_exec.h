/* bench_exec.h: figures of torn exec, for torn-bench, beside the program alone. */
#ifndef TORN_BENCH_EXEC_H
#define TORN_BENCH_EXEC_H

/*
 * Print how many fault trials a second are made of a command that renames a file in the directory `dir` (read, never
 * written, but for the bare runs: it must be the command's to change), with one worker and with two, and how
 * fast its crash states are judged. Returns 0, or 1 after saying why not.
 */
int torn_bench_exec(const char *dir, char **command);

#endif
