/*
 * writeback.h: what an fsync that failed leaves of a file in the cache.
 *
 * Which pages were dirty is told by the log: those written since the last sync of
 * the file that succeeded, or that failed and left them clean. Not modelled:
 * writes through O_SYNC, which leave none dirty.
 */
#ifndef TORN_WRITEBACK_H
#define TORN_WRITEBACK_H

#include "recorder.h"

/*
 * Give a file's content once its dirty pages are what they were on disk; its size
 * stays. The bytes lie in the recorder's arena. Returns 0; -ENOMEM; -EPROTO where
 * the log does not fit its base.
 */
int torn_writeback_reverted(struct torn_recorder *recorder, torn_object file,
			    struct torn_bytes *ret_content);

/* Let every other descriptor that is open on the file see that its writeback failed, once. */
void torn_writeback_report(struct torn_view *view, const struct torn_op *sync, int number);

/* Take what a descriptor has still to be told. Returns an errno, or 0. */
int torn_writeback_owed(struct torn_view *view, const struct torn_op *sync);

#endif
