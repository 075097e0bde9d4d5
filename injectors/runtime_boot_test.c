/* runtime_boot_test.c: what boot makes of a tree's runtime, and which modules can come and go. */
#include <errno.h>
#include <string.h>

#include "arena_for_tests.h"
#include "runtime.h"
#include "runtime_text.h"
#include "tree.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct torn_node *root;
static torn_object last_object;

static const struct torn_node *make(enum torn_type type, uint32_t mount)
{
	const struct torn_attributes attributes = {.mode = 0755, .links = 1, .mount = mount};
	return torn_node_make(&arena, type, attributes, torn_bytes_of(""));
}

static const struct torn_node *put_below(const struct torn_node *dir, const char *path,
					 const struct torn_node *node)
{
	const char *slash = strchr(path, '/');
	const size_t size = slash ? (size_t)(slash - path) : strlen(path);
	const struct torn_bytes name = torn_arena_copy(&arena, path, size);
	const struct torn_entry *entry = torn_node_entry(dir, name);
	if (slash)
		node = put_below(entry ? entry->node : make(TORN_DIRECTORY, 0), slash + 1, node);
	return torn_node_put(&arena, dir, name, node, entry ? entry->object : ++last_object);
}

static void put_file(const char *path, const char *text)
{
	root = put_below(root, path, torn_node_write(&arena, make(TORN_FILE, 0), 0, torn_bytes_of(text)));
}

static void put_link(const char *path, const char *text)
{
	const struct torn_attributes attributes = {.mode = 0777, .links = 1};
	root = put_below(root, path, torn_node_make(&arena, TORN_SYMLINK, attributes, torn_bytes_of(text)));
}

static void begin(void)
{
	last_object = 1;
	root = put_below(make(TORN_DIRECTORY, 0), "proc", make(TORN_DIRECTORY, TORN_MOUNT | TORN_RUNTIME));
}

static const char *text_of(const struct torn_node *tree, const char *path)
{
	static char text[4096];
	const struct torn_node *file = torn_tree_find(tree, torn_bytes_of(path));
	text[file ? torn_node_read(file, 0, text, sizeof text - 1) : 0] = '\0';
	return text;
}

static void assert_boots_to(const char *path, const char *expected)
{
	const struct torn_node *booted = NULL, *again = NULL;
	assert_int_equal(torn_runtime_boot(&arena, root, &booted), 0);
	assert_string_equal(text_of(booted, path), expected);
	assert_int_equal(torn_runtime_boot(&arena, booted, &again), 0);
	assert_ptr_equal(again, booted); /* what is booted already stays what it is */
	const struct torn_entry *before = torn_tree_entry(root, torn_bytes_of(path));
	assert_int_equal(torn_tree_entry(booted, torn_bytes_of(path))->object, before->object);
}

/* ---------------------------------------------------------------- sysctls */

static void test_sysctls_start_with_the_defaults(void **state)
{
	(void)state;
	begin();
	put_file("proc/sys/net/ipv4/ip_forward", "1\n");
	put_file("proc/sys/net/ipv4/conf/eth0/rp_filter", "2\n");
	put_file("proc/sys/kernel/printk", "1\t1\t1\t1\n");
	put_file("proc/sys/own/unknown", "kept\n");
	assert_boots_to("proc/sys/net/ipv4/ip_forward", "0\n");
	assert_boots_to("proc/sys/net/ipv4/conf/eth0/rp_filter", "0\n");
	assert_boots_to("proc/sys/kernel/printk", "4\t4\t1\t7\n");
	assert_boots_to("proc/sys/own/unknown", "kept\n");
}

static const struct {
	const char *lines, *expected; /* of net/ipv4/ip_forward, which starts with 0 */
} sysctl_lines[] = {
	{"net.ipv4.ip_forward = 1\n", "1\n"},
	{"net/ipv4/ip_forward=1", "1\n"},
	{"/net/ipv4/ip_forward=1\n", "1\n"},
	{"\t-net.ipv4.ip_forward =  1 \n", "1\n"},
	{"# net.ipv4.ip_forward = 1\n; net.ipv4.ip_forward = 1\n", "0\n"},
	{"net.ipv4.ip_forward = 1\nnet.ipv4.ip_forward = 2\n", "2\n"},
	{"net.ipv4.ip_forward = 1\nnet.ipv4.ip_forward = x\n", "0\n"},
	{"net.ipv4.ip_forward\n", "0\n"},
	{"net.ipv4.* = 3\n", "3\n"},
	{"net.*.ip_forward = 3\n", "3\n"},
	{"net.* = 3\n", "0\n"},
	{"net.ipv4.ip_forwar? = 3\n", "3\n"},
	{"net.ipv4.ip_forward = 1\nnet.ipv4.* = 3\n", "1\n"},
	{"-net.ipv4.ip_forward\nnet.ipv4.* = 3\n", "0\n"},
	{"net.ipv4.ip_forward. = 1\n", "0\n"},
};

static void test_sysctl_d_is_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sysctl_lines); i++) {
		begin();
		put_file("proc/sys/net/ipv4/ip_forward", "7\n");
		put_file("etc/sysctl.d/99-own.conf", sysctl_lines[i].lines);
		assert_boots_to("proc/sys/net/ipv4/ip_forward", sysctl_lines[i].expected);
	}
}

static void test_drop_ins_have_their_order(void **state)
{
	(void)state;
	begin();
	put_file("proc/sys/net/ipv4/ip_forward", "0\n");
	put_file("etc/sysctl.d/20.conf", "net.ipv4.ip_forward = 2\n");
	put_file("usr/lib/sysctl.d/10.conf", "net.ipv4.ip_forward = 1\n");
	put_file("etc/sysctl.d/.90.conf", "net.ipv4.ip_forward = 9\n");
	put_file("etc/sysctl.d/90.conf.tmp", "net.ipv4.ip_forward = 9\n");
	assert_boots_to("proc/sys/net/ipv4/ip_forward", "2\n");
	put_file("usr/lib/sysctl.d/30.conf", "net.ipv4.ip_forward = 3\n");
	assert_boots_to("proc/sys/net/ipv4/ip_forward", "3\n");
	put_link("etc/sysctl.d/30.conf", "/dev/null"); /* which hides the vendor's */
	assert_boots_to("proc/sys/net/ipv4/ip_forward", "2\n");
	put_file("etc/sysctl.conf", "net.ipv4.ip_forward = 5\n");
	put_link("etc/sysctl.d/99-sysctl.conf", "../sysctl.conf");
	assert_boots_to("proc/sys/net/ipv4/ip_forward", "5\n");
}

/* ---------------------------------------------------------------- modules */

#define LOADED                                                                                     \
	"uas 16384 0 - Live 0x0000000000000000\n"                                                  \
	"usb_storage 81920 1 uas, Live 0x0000000000000000\n"                                       \
	"loop 40960 3 - Live 0x0000000000000000\n"                                                 \
	"old 4096 0 - Unloading 0x0000000000000000\n"                                              \
	"stays 4096 1 [permanent], Live 0x0000000000000000\n"

static const struct {
	const char *name;
	int error;
} deletions[] = {{"uas", 0},	  {"usb_storage", -EWOULDBLOCK}, {"usb-storage", -ENOENT}, {"loop", -EWOULDBLOCK},
		 {"old", -EBUSY}, {"stays", -EBUSY},		 {"none", -ENOENT},	   {"", -ENOENT}};

static void test_modules_go_as_the_kernel_lets_them(void **state)
{
	(void)state;
	const struct torn_bytes before = torn_bytes_of(LOADED);
	for (size_t i = 0; i < COUNT(deletions); i++) {
		struct torn_bytes after = {NULL, 0};
		assert_int_equal(torn_runtime_module_delete(&arena, before, torn_bytes_of(deletions[i].name), 0,
							    &after),
				 deletions[i].error);
		assert_true((after.data != NULL) == (deletions[i].error == 0));
	}
}

static void test_a_module_that_goes_frees_what_it_used(void **state)
{
	(void)state;
	struct torn_bytes modules = torn_bytes_of(LOADED);
	assert_int_equal(torn_runtime_module_delete(&arena, modules, torn_bytes_of("uas"), 0, &modules), 0);
	assert_true(torn_text_begins(modules, "usb_storage 81920 0 - Live 0x0000000000000000\nloop 40960 3 "));
	assert_int_equal(torn_runtime_module_delete(&arena, modules, torn_bytes_of("usb_storage"), 0, &modules), 0);
	assert_int_equal(torn_runtime_module_insert(&arena, modules, torn_bytes_of("usb-storage"), &modules), 0);
	assert_true(torn_text_begins(modules, "usb_storage 16384 0 - Live 0x0000000000000000\nloop "));
	assert_int_equal(torn_runtime_module_insert(&arena, modules, torn_bytes_of("usb_storage"), &modules),
			 -EEXIST);
}

static const struct {
	const char *modprobe, *load, *expected;
} module_boots[] = {
	{"", "", "b 4096 1 a, Live 0x0\nc_d 4096 0 - Live 0x0\n"},
	{"install c-d /bin/true\n", "", "b 4096 1 a, Live 0x0\n"},
	{"install c-d /sbin/modprobe --ignore-install c-d\n", "", "b 4096 1 a, Live 0x0\nc_d 4096 0 - Live 0x0\n"},
	{"blacklist c_d\n", "", "b 4096 1 a, Live 0x0\n"},
	{"# blacklist c_d\noptions c_d a=1\n", "", "b 4096 1 a, Live 0x0\nc_d 4096 0 - Live 0x0\n"},
	{"blacklist b\n", "", "b 4096 1 a, Live 0x0\nc_d 4096 0 - Live 0x0\n"},
	{"blacklist c_d\n", "c-d\n# e\n", "b 4096 1 a, Live 0x0\n"},
	{"blacklist c_d\n", "b\ne\n", "e 16384 0 - Live 0x0000000000000000\nb 4096 1 a, Live 0x0\n"},
};

static void test_modules_load_as_modprobe_d_lets_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(module_boots); i++) {
		begin();
		put_file("proc/modules", "b 4096 1 a, Live 0x0\nc_d 4096 0 - Live 0x0\n");
		put_file("etc/modprobe.d/x.conf", module_boots[i].modprobe);
		put_file("etc/modules-load.d/x.conf", module_boots[i].load);
		assert_boots_to("proc/modules", module_boots[i].expected);
	}
}

/* ----------------------------------------------------------------- mounts */

#define ROOT_LINE "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
#define TMP_LINE(options, super) "30 22 0:30 / /tmp " options " - tmpfs tmpfs " super "\n"

static const struct {
	const char *fstab, *expected;
} fstabs[] = {
	{"", ROOT_LINE TMP_LINE("rw,nosuid,noatime", "rw,size=1024k")},
	{"tmpfs /tmp tmpfs nodev,noexec,size=8k 0 0\n", ROOT_LINE TMP_LINE("rw,nodev,noexec,relatime", "rw,size=8k")},
	{"tmpfs\t/tmp/\ttmpfs\n", ROOT_LINE TMP_LINE("rw,relatime", "rw")},
	{"#tmpfs /tmp tmpfs nodev\nx none swap sw\ntmpfs /tmp tmpfs ro", ROOT_LINE TMP_LINE("ro,relatime", "ro")},
	{"a /tmp tmpfs nodev\nb /tmp tmpfs noexec\n", ROOT_LINE TMP_LINE("rw,nodev,relatime", "rw")},
	{"a /tmp tmpfs noauto,nodev\n", ROOT_LINE TMP_LINE("rw,nosuid,noatime", "rw,size=1024k")},
	{"a /tmp tmpfs bogus\n", ROOT_LINE TMP_LINE("rw,nosuid,noatime", "rw,size=1024k")},
	{"a /tmp tmpfs users,exec,nofail,x-systemd.automount,comment=a 0 0\n",
	 ROOT_LINE TMP_LINE("rw,nosuid,nodev,relatime", "rw")},
};

static void test_mounts_are_as_fstab_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fstabs); i++) {
		begin();
		put_file("proc/self/mountinfo", ROOT_LINE TMP_LINE("rw,nosuid,noatime", "rw,size=1024k"));
		put_file("etc/fstab", fstabs[i].fstab);
		assert_boots_to("proc/self/mountinfo", fstabs[i].expected);
	}
}

/* -------------------------------------------------------------- the mount */

static void test_a_tree_without_a_runtime_stays(void **state)
{
	(void)state;
	const struct torn_node *booted = NULL;
	root = make(TORN_DIRECTORY, 0);
	put_file("proc/sys/net/ipv4/ip_forward", "1\n");
	assert_int_equal(torn_runtime_boot(&arena, root, &booted), 0);
	assert_ptr_equal(booted, root);
}

static void test_a_path_below_the_runtime_is_known(void **state)
{
	(void)state;
	struct torn_bytes below = {NULL, 0};
	begin();
	put_file("etc/fstab", "");
	assert_true(torn_runtime_path(root, torn_bytes_of("proc/sys/kernel/panic"), &below));
	assert_true(torn_text_is(below, "sys/kernel/panic"));
	assert_false(torn_runtime_path(root, torn_bytes_of("proc"), &below));
	assert_false(torn_runtime_path(root, torn_bytes_of("proc/"), &below));
	assert_false(torn_runtime_path(root, torn_bytes_of("etc/fstab"), &below));
	assert_false(torn_runtime_path(root, torn_bytes_of("none/x"), &below));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_sysctls_start_with_the_defaults),
		arena_test(test_sysctl_d_is_written),
		arena_test(test_drop_ins_have_their_order),
		arena_test(test_modules_go_as_the_kernel_lets_them),
		arena_test(test_a_module_that_goes_frees_what_it_used),
		arena_test(test_modules_load_as_modprobe_d_lets_them),
		arena_test(test_mounts_are_as_fstab_says),
		arena_test(test_a_tree_without_a_runtime_stays),
		arena_test(test_a_path_below_the_runtime_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
