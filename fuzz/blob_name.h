/*
 * blob_name.h: what a content that stands beside a case, in a file of its own, is called.
 *
 *   old bin/server file mode=0755 @blobs/2d06800538d394c2
 *
 * The name is the hash of the bytes, XXH3 of 64 bits as in the names of cases. So the case's text,
 * whose hash is the case's name, says what the content is; and one that is not what its name says
 * is refused, for a trial of other bytes would prove nothing.
 */
#ifndef TORN_BLOB_NAME_H
#define TORN_BLOB_NAME_H

#include <stdbool.h>

#include "torn.h"

/* The folder of blobs, in that of the cases. */
#define TORN_BLOBS_FOLDER "blobs"
/* "@blobs/" and 16 hex digits, with a NUL. */
#define TORN_BLOB_REFERENCE_SIZE sizeof("@" TORN_BLOBS_FOLDER "/0123456789abcdef")

/* Write the reference to a content. */
void torn_blob_reference(struct torn_bytes content, char ret_reference[TORN_BLOB_REFERENCE_SIZE]);
/* Say whether a reference, "@NAME", is to something in the folder of blobs. */
bool torn_blob_is_referred(struct torn_bytes reference);

#endif
