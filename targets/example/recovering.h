/*
 * recovering.h: variants with a recovery that differ in their flaws alone: struct habits,
 * which whoever includes this has, as well as what takes them:
 *
 *   struct habits {bool leaves_tail;};
 *   static int append(const struct torn_run *run, const struct habits *habits);
 *   static int recover(const struct habits *habits);
 *
 *   RECOVERING(append, correct, .leaves_tail = false)
 *
 *   static const struct torn_variant variants[] = {RECOVERING_ROW(correct), {.name = NULL}};
 */
#ifndef RECOVERING_H
#define RECOVERING_H

/* Define a variant's operation and its recovery, with these habits. */
#define RECOVERING(operate, name, ...)                                                             \
	static const struct habits name##_habits = {__VA_ARGS__};                                  \
	static int name(const struct torn_run *run)                                                \
	{                                                                                          \
		return operate(run, &name##_habits);                                               \
	}                                                                                          \
	static int name##_recovery(const struct torn_run *run)                                     \
	{                                                                                          \
		(void)run;                                                                         \
		return recover(&name##_habits);                                                    \
	}

#define RECOVERING_ROW(variant)                                                                    \
	{.name = #variant, .operation = variant, .recovery = variant##_recovery}

#endif
