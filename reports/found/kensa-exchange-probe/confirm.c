/*
 * A real file system without RENAME_EXCHANGE: FUSE below protocol 7.23, served by
 * this program itself. It has one directory with the files "old" and "temp".
 */
#include "../confirm.h"

#include <linux/fs.h>
#include <linux/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/uio.h>

static void reply(int fuse, uint64_t unique, int error, const void *body, size_t size)
{
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof header + size), .error = error, .unique = unique};
	const struct iovec iov[] = {{&header, sizeof header}, {(void *)body, size}};
	if (writev(fuse, iov, 2) < 0 && errno != ENOENT)
		_exit(1);
}

static struct fuse_attr attributes_of(uint64_t node)
{
	return (struct fuse_attr){.ino = node, .nlink = 1,
				  .mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644};
}

static uint64_t node_named(const char *name)
{
	return strcmp(name, "old") == 0 ? 2 : strcmp(name, "temp") == 0 ? 3 : 0;
}

static void serve(int fuse)
{
	static char bytes[1 << 17] __attribute__((aligned(8)));
	while (read(fuse, bytes, sizeof bytes) > 0) {
		const struct fuse_in_header *in = (const void *)bytes;
		const char *body = bytes + sizeof *in;
		if (in->opcode == FUSE_INIT) {
			const struct fuse_init_out out = {.major = 7, .minor = 22, .max_write = 4096};
			reply(fuse, in->unique, 0, &out, FUSE_COMPAT_22_INIT_OUT_SIZE);
		} else if (in->opcode == FUSE_LOOKUP) {
			const uint64_t node = node_named(body);
			const struct fuse_entry_out out = {.nodeid = node, .attr = attributes_of(node)};
			reply(fuse, in->unique, node ? 0 : -ENOENT, &out, node ? sizeof out : 0);
		} else if (in->opcode == FUSE_GETATTR) {
			const struct fuse_attr_out out = {.attr = attributes_of(in->nodeid)};
			reply(fuse, in->unique, 0, &out, sizeof out);
		} else if (in->opcode == FUSE_RENAME) {
			reply(fuse, in->unique, 0, NULL, 0); /* it can: the plain one */
		} else if (in->opcode != FUSE_FORGET && in->opcode != FUSE_BATCH_FORGET) {
			reply(fuse, in->unique, -ENOSYS, NULL, 0);
		}
	}
	_exit(0);
}

/* In a mount namespace of its own, which ends with this process. */
static pid_t mount_it(void)
{
	char options[128];
	const int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	if (fuse < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mkdir("mnt", 0755) < 0 ||
	    mount("torn-confirm", "mnt", "fuse", 0, options) < 0) {
		printf("SKIPPED: no FUSE mount here: %s\n", strerror(errno));
		exit(77);
	}
	const pid_t server = fork();
	MUST(server >= 0);
	if (server == 0)
		serve(fuse);
	close(fuse);
	return server;
}

static void tell(const char *what, int result)
{
	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
}

int main(void)
{
	begin();
	const pid_t server = mount_it();
	MUST(chdir("mnt") == 0);
	tell("probe: exchange of two names that do not exist",
	     renameat2(AT_FDCWD, "probe.a", AT_FDCWD, "probe.b", RENAME_EXCHANGE));
	const int exchanged = renameat2(AT_FDCWD, "temp", AT_FDCWD, "old", RENAME_EXCHANGE);
	tell("replace: exchange of temp and old", exchanged);
	MUST(exchanged < 0 && errno == EINVAL);
	tell("a plain rename of temp over old", rename("temp", "old"));
	MUST(chdir("..") == 0 && umount2("mnt", MNT_DETACH) == 0);
	MUST(waitpid(server, NULL, 0) == server);
	return 0;
}
