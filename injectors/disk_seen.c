/* disk_seen.c: what is known of inodes, so that they need not be read again: disk.h. */
#include "disk_parts.h"

#include <stdlib.h>

/* FNV-1a */
static uint64_t hash_byte(uint64_t hash, uint64_t byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t hash_bytes(uint64_t hash, struct torn_bytes bytes)
{
	for (size_t at = 0; at < bytes.size; at++)
		hash = hash_byte(hash, bytes.data[at]);
	return hash_byte(hash, bytes.size);
}

uint64_t torn_disk_names_hash(const struct torn_disk *disk, const struct torn_node *dir)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_entry *entry = &dir->entries[i];
		hash = hash_bytes(hash, entry->name);
		hash = hash_byte(hash, entry->node->type);
		hash = hash_byte(hash, entry->object);
	}
	for (uint32_t i = 0; disk->exact && i < dir->xattrs_count; i++)
		hash = hash_bytes(hash_bytes(hash, dir->xattrs[i].name), dir->xattrs[i].value);
	return hash;
}

void torn_disk_forget(struct torn_disk *disk)
{
	if (disk->seen)
		memset(disk->seen, 0, disk->seen_count * sizeof *disk->seen);
}

void torn_disk_expect(struct torn_disk *disk, uint32_t objects)
{
	if (objects <= disk->seen_count) {
		torn_disk_forget(disk);
		return;
	}
	torn_disk_close(disk);
	disk->seen = calloc(objects, sizeof *disk->seen);
	disk->seen_count = disk->seen ? objects : 0;
}

void torn_disk_close(struct torn_disk *disk)
{
	free(disk->seen);
	disk->seen = NULL;
	disk->seen_count = 0;
}

bool torn_disk_is_as_seen(const struct torn_disk_seen *seen, const struct stat *status, uint64_t what)
{
	return seen && seen->changed_ns != 0 && seen->changed_ns == torn_disk_ns(status->st_ctim) &&
	       seen->inode == status->st_ino && seen->what == what;
}

void torn_disk_remember(struct torn_disk_seen *seen, const struct stat *status, uint64_t what,
			int64_t newest_ns)
{
	const int64_t changed_ns = torn_disk_ns(status->st_ctim);
	const bool is_old = changed_ns + TORN_DISK_RACY_NS < newest_ns;
	*seen = is_old ? (struct torn_disk_seen){changed_ns, status->st_ino, what}
		       : (struct torn_disk_seen){0};
}
