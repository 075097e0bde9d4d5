/*
 * mutate_formats_test.c: with enough mutations each grammar comes to its odd forms; and of the kernel's own
 * files there is never what no kernel has. What a text is, is asked here by other means than the grammars.
 */
#include "mutate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "case.h"
#include "mutate_formats.h"

#define ARENA_BYTES ((size_t)32 << 20)
#define WALKS 500u
#define STEPS 8u /* from the start again: what a text is made of does not pile up */

/* --------------------------------------------------------- what is mutated */

static const char *const watch[] = {"proc/sys/kernel/panic", "proc/modules", "proc/audit/rules", NULL};

static const struct torn_default sysctl_args[] = {{"key", "kernel.panic"}, {"value", "1"}, {NULL, NULL}},
				 module_args[] = {{"name", "usb-storage"}, {NULL, NULL}},
				 audit_args[] = {{"rule", "\"-w /etc/passwd -p wa -k identity\""}, {NULL, NULL}},
				 dconf_args[] = {{"schema", "org/gnome/login-screen"},
						 {"key", "banner"},
						 {"value", "true"},
						 {"db", "local"},
						 {"file", "00-kensa"},
						 {NULL, NULL}},
				 mount_args[] = {{"mount_point", "/tmp"}, {"options", "nodev"}, {NULL, NULL}};

enum subject { SYSCTL, MODULE, AUDIT, DCONF, MOUNT, SUBJECTS };

static const struct {
	struct torn_target target;
	const char *olds;
} subjects[SUBJECTS] = {
	[SYSCTL] = {{.name = "test.sysctl", .args = sysctl_args, .watch = watch},
		    "old proc runtime\n"
		    "old proc/sys/kernel/panic file \"0\\n\"\n"
		    "old proc/sys/net/ipv4/tcp_rmem file \"4096\\t131072\\t33554432\\n\"\n"
		    "old etc/sysctl.d/99-kensa.conf absent\n"
		    "old etc/sysctl.conf file \"kernel.panic = 0\\n\"\n"},
	[MODULE] = {{.name = "test.module", .args = module_args, .watch = watch},
		    "old proc runtime\n"
		    "old proc/modules file \"\"\n"
		    "old etc/modprobe.d/kensa.conf file \"blacklist usb-storage\\n\"\n"},
	[AUDIT] = {{.name = "test.audit", .args = audit_args, .watch = watch},
		   "old proc runtime\n"
		   "old proc/audit/enabled file \"1\\n\"\n"
		   "old proc/audit/rules file \"\"\n"
		   "old etc/audit/rules.d/99-kensa.rules absent\n"},
	[DCONF] = {{.name = "test.dconf", .args = dconf_args, .watch = watch},
		   "old etc/dconf/db/local.d/00-kensa file \"[org/gnome/login-screen]\\nbanner=false\\n\"\n"
		   "old etc/dconf/db/local.d/locks/00-kensa absent\n"
		   "old etc/dconf/profile/local file \"user\\n\"\n"},
	[MOUNT] = {{.name = "test.mount", .args = mount_args, .watch = watch},
		   "old proc runtime\n"
		   "old proc/self/mountinfo file \"22 1 8:1 / / rw - ext4 /dev/sda1 rw\\n\"\n"
		   "old etc/fstab file \"/dev/sda3 /tmp ext4 defaults 0 2\\n\"\n"},
};

/* ------------------------------------------------------- what there is to see */

static bool has(struct torn_bytes text, const char *what)
{
	return memmem(text.data, text.size, what, strlen(what));
}

static unsigned times(struct torn_bytes text, const char *what)
{
	unsigned count = 0;
	const uint8_t *end = text.data + text.size, *at = text.data;
	while ((at = memmem(at, (size_t)(end - at), what, strlen(what)))) {
		at++;
		count++;
	}
	return count;
}

static bool begins(struct torn_bytes text, const char *what)
{
	return text.size >= strlen(what) && memcmp(text.data, what, strlen(what)) == 0;
}

static bool ends(struct torn_bytes text, const char *what)
{
	const size_t size = strlen(what);
	return text.size >= size && memcmp(text.data + text.size - size, what, size) == 0;
}

static bool is(struct torn_bytes text, const char *what)
{
	return torn_bytes_equal(text, torn_bytes_of(what));
}

static bool has_long_line(struct torn_bytes text)
{
	size_t longest = 0, size = 0;
	for (size_t i = 0; i < text.size; i++) {
		size = text.data[i] == '\n' ? 0 : size + 1;
		longest = size > longest ? size : longest;
	}
	return longest > 1000;
}

static bool has_number_beyond(struct torn_bytes text)
{
	return has(text, "2147483648") || has(text, "4294967296") || has(text, "9223372036854775808");
}

static bool no_last_newline(struct torn_bytes text)
{
	return text.size > 0 && times(text, "\n") > 0 && !ends(text, "\n");
}

static bool has_control(struct torn_bytes text)
{
	return memchr(text.data, 1, text.size) || memchr(text.data, 0x7f, text.size);
}

/* Each asks one thing of a text. */
#define FORM(form, condition)                                                                      \
	static bool form(struct torn_bytes text)                                                   \
	{                                                                                          \
		return condition;                                                                  \
	}

FORM(empty, text.size == 0)
FORM(nul, memchr(text.data, 0, text.size))
FORM(percent, has(text, "%"))
FORM(backslash, has(text, "\\"))
FORM(newline_inside, times(text, "\n") > 0 && !ends(text, "\n"))
FORM(only_newline, is(text, "\n"))
FORM(slash, has(text, "/"))
FORM(dash, has(text, "-"))
FORM(leading_dash, begins(text, "-"))
FORM(control, has_control(text))
FORM(no_utf8, memchr(text.data, 0xff, text.size))
FORM(comment, begins(text, "#") || has(text, "\n#"))
FORM(tab, has(text, "\t"))
FORM(carriage_return, has(text, "\r\n"))
FORM(continuation, has(text, "\\\n"))
FORM(lines, times(text, "\n") >= 4)
FORM(long_line, has_long_line(text))
FORM(unfinished, no_last_newline(text))
FORM(beyond, has_number_beyond(text))
FORM(negative, begins(text, "-1") || begins(text, "-2147483648"))
FORM(some_numbers, has(text, "4096\t87380") || has(text, "4096 87380"))
FORM(blanks_around, begins(text, " ") || ends(text, " "))
FORM(empty_part, has(text, ".."))
FORM(only_dots, is(text, ".") || is(text, ".."))
FORM(no_such_key, is(text, "kernel.no_such_key"))
FORM(a_directory, is(text, "net.ipv4"))
FORM(key_twice, times(text, "kernel.panic") >= 2)
FORM(no_equals, text.size > 0 && !has(text, "="))
FORM(key_ignored, has(text, "-kernel.panic"))
FORM(underscore, is(text, "usb_storage"))
FORM(with_dash, is(text, "nf-conntrack_netlink"))
FORM(install, has(text, "install usb-storage"))
FORM(softdep, has(text, "softdep"))
FORM(two_rules, times(text, "-w ") + times(text, "-a ") >= 2)
FORM(same_rule_twice, times(text, "-w /etc/passwd -p wa -k identity\n") >= 2)
FORM(delete_all, has(text, "-D"))
FORM(locks, has(text, "-e 2"))
FORM(by_call, has(text, "-S "))
FORM(has_itself, has(text, "-w /etc/passwd -p wa -k identity"))
FORM(group, begins(text, "[org/gnome/login-screen]\n"))
FORM(no_group, begins(text, "banner="))
FORM(group_twice, times(text, "[org/gnome/login-screen]") >= 2)
FORM(open_quote, has(text, "'open"))
FORM(array, has(text, "['a', 'b']"))
FORM(up, has(text, ".."))
FORM(lock_path, has(text, "/org/gnome/login-screen/banner"))
FORM(system_db, has(text, "system-db:local"))
FORM(point_twice, times(text, "/tmp ext4") >= 2 || times(text, "\t/tmp\t") >= 2)
FORM(swap_none, has(text, "none\tswap") || has(text, "none swap"))
FORM(three_fields, ends(text, "ext4\n") || has(text, "ext4\n/"))
FORM(option_there, has(text, "nodev"))
FORM(commented_point, has(text, "#") && has(text, "/tmp ext4"))
FORM(escaped_blank, has(text, "\\040"))
FORM(comma, begins(text, ",") || ends(text, ",") || has(text, ",,"))
FORM(root, is(text, "/"))
FORM(none, is(text, "none"))
FORM(is_zero, is(text, "0\n"))
FORM(another_number, text.size > 1 && !is(text, "0\n"))
FORM(three_others, times(text, "\t") == 2 && !begins(text, "4096\t131072"))
FORM(in_use, has(text, "1 uas, Live"))
FORM(permanent, has(text, "[permanent],"))
FORM(as_kernel_calls_it, begins(text, "usb_storage "))
FORM(is_two, is(text, "2\n"))
FORM(some_rules, times(text, "\n") >= 2)
FORM(mounted, has(text, " / /tmp "))
FORM(mounted_twice, times(text, " /tmp ") >= 2)
FORM(not_mounted, !has(text, "/tmp"))
FORM(mounted_with_it, has(text, "/tmp rw,nodev"))

/* A path of the old state, or an argument ("$key"). */
static const struct form {
	enum subject subject;
	const char *where, *name;
	bool (*shows)(struct torn_bytes text);
} forms[] = {
	{SYSCTL, "$key", "empty", empty},
	{SYSCTL, "$key", "an empty part", empty_part},
	{SYSCTL, "$key", "nothing but dots", only_dots},
	{SYSCTL, "$key", "a slash", slash},
	{SYSCTL, "$key", "a dash", dash},
	{SYSCTL, "$key", "a NUL", nul},
	{SYSCTL, "$key", "a control character", control},
	{SYSCTL, "$key", "a newline", newline_inside},
	{SYSCTL, "$key", "unknown", no_such_key},
	{SYSCTL, "$key", "a directory", a_directory},
	{SYSCTL, "$key", "long", long_line},
	{SYSCTL, "$value", "empty", empty},
	{SYSCTL, "$value", "beyond 32 bits or 64", beyond},
	{SYSCTL, "$value", "negative", negative},
	{SYSCTL, "$value", "some numbers", some_numbers},
	{SYSCTL, "$value", "blanks around it", blanks_around},
	{SYSCTL, "$value", "%", percent},
	{SYSCTL, "$value", "a backslash", backslash},
	{SYSCTL, "$value", "a newline", newline_inside},
	{SYSCTL, "$value", "a NUL", nul},
	{SYSCTL, "$value", "no UTF-8", no_utf8},
	{SYSCTL, "$value", "long", long_line},
	{SYSCTL, "etc/sysctl.d/99-kensa.conf", "empty", empty},
	{SYSCTL, "etc/sysctl.d/99-kensa.conf", "the key twice", key_twice},
	{SYSCTL, "etc/sysctl.d/99-kensa.conf", "a comment", comment},
	{SYSCTL, "etc/sysctl.d/99-kensa.conf", "a key whose failure counts not", key_ignored},
	{SYSCTL, "etc/sysctl.d/99-kensa.conf", "no newline at its end", unfinished},
	{SYSCTL, "etc/sysctl.conf", "a tab", tab},
	{SYSCTL, "etc/sysctl.conf", "a line without =", no_equals},
	{SYSCTL, "etc/sysctl.conf", "CRLF", carriage_return},
	{SYSCTL, "etc/sysctl.conf", "a long line", long_line},
	{SYSCTL, "proc/sys/kernel/panic", "what it was", is_zero},
	{SYSCTL, "proc/sys/kernel/panic", "another number", another_number},
	{SYSCTL, "proc/sys/net/ipv4/tcp_rmem", "three others", three_others},
	{MODULE, "$name", "an underscore", underscore},
	{MODULE, "$name", "a dash", with_dash},
	{MODULE, "$name", "a slash", slash},
	{MODULE, "$name", "empty", empty},
	{MODULE, "$name", "it begins with a dash", leading_dash},
	{MODULE, "$name", "a newline", newline_inside},
	{MODULE, "$name", "%", percent},
	{MODULE, "$name", "long", long_line},
	{MODULE, "etc/modprobe.d/kensa.conf", "install", install},
	{MODULE, "etc/modprobe.d/kensa.conf", "softdep", softdep},
	{MODULE, "etc/modprobe.d/kensa.conf", "a line that goes on", continuation},
	{MODULE, "etc/modprobe.d/kensa.conf", "lines", lines},
	{MODULE, "etc/modprobe.d/kensa.conf", "empty", empty},
	{MODULE, "proc/modules", "in use by another", in_use},
	{MODULE, "proc/modules", "permanent", permanent},
	{MODULE, "proc/modules", "by the kernel's name", as_kernel_calls_it},
	{AUDIT, "$rule", "empty", empty},
	{AUDIT, "$rule", "a newline alone", only_newline},
	{AUDIT, "$rule", "two rules", two_rules},
	{AUDIT, "$rule", "a comment", comment},
	{AUDIT, "$rule", "delete all", delete_all},
	{AUDIT, "$rule", "lock", locks},
	{AUDIT, "$rule", "by call", by_call},
	{AUDIT, "$rule", "a line that goes on", continuation},
	{AUDIT, "$rule", "CRLF", carriage_return},
	{AUDIT, "$rule", "long", long_line},
	{AUDIT, "$rule", "a NUL", nul},
	{AUDIT, "etc/audit/rules.d/99-kensa.rules", "the rule itself", has_itself},
	{AUDIT, "etc/audit/rules.d/99-kensa.rules", "a rule twice", same_rule_twice},
	{AUDIT, "etc/audit/rules.d/99-kensa.rules", "-D", delete_all},
	{AUDIT, "etc/audit/rules.d/99-kensa.rules", "-e 2", locks},
	{AUDIT, "etc/audit/rules.d/99-kensa.rules", "no newline at its end", unfinished},
	{AUDIT, "proc/audit/rules", "the rule is loaded", has_itself},
	{AUDIT, "proc/audit/rules", "some are", some_rules},
	{AUDIT, "proc/audit/enabled", "locked", is_two},
	{DCONF, "$schema", "empty", empty},
	{DCONF, "$schema", "a newline", newline_inside},
	{DCONF, "$key", "a newline", newline_inside},
	{DCONF, "$key", "a slash", slash},
	{DCONF, "$value", "a quote that is open", open_quote},
	{DCONF, "$value", "an array", array},
	{DCONF, "$value", "%", percent},
	{DCONF, "$value", "a backslash", backslash},
	{DCONF, "$value", "a newline", newline_inside},
	{DCONF, "$db", "up", up},
	{DCONF, "$file", "a slash", slash},
	{DCONF, "$file", "empty", empty},
	{DCONF, "etc/dconf/db/local.d/00-kensa", "a group", group},
	{DCONF, "etc/dconf/db/local.d/00-kensa", "no group", no_group},
	{DCONF, "etc/dconf/db/local.d/00-kensa", "a group twice", group_twice},
	{DCONF, "etc/dconf/db/local.d/00-kensa", "no UTF-8", no_utf8},
	{DCONF, "etc/dconf/db/local.d/locks/00-kensa", "a lock", lock_path},
	{DCONF, "etc/dconf/profile/local", "a system's", system_db},
	{MOUNT, "$mount_point", "the root", root},
	{MOUNT, "$mount_point", "none", none},
	{MOUNT, "$mount_point", "a blank as fstab has it", escaped_blank},
	{MOUNT, "$mount_point", "a tab", tab},
	{MOUNT, "$mount_point", "empty", empty},
	{MOUNT, "$options", "empty items", comma},
	{MOUNT, "$options", "%", percent},
	{MOUNT, "$options", "empty", empty},
	{MOUNT, "etc/fstab", "empty", empty},
	{MOUNT, "etc/fstab", "a comment", comment},
	{MOUNT, "etc/fstab", "a comment of the mount point", commented_point},
	{MOUNT, "etc/fstab", "tabs", tab},
	{MOUNT, "etc/fstab", "the mount point twice", point_twice},
	{MOUNT, "etc/fstab", "swap on none", swap_none},
	{MOUNT, "etc/fstab", "three fields", three_fields},
	{MOUNT, "etc/fstab", "no newline at its end", unfinished},
	{MOUNT, "etc/fstab", "a long line", long_line},
	{MOUNT, "etc/fstab", "a blank as fstab has it", escaped_blank},
	{MOUNT, "etc/fstab", "the option is there", option_there},
	{MOUNT, "etc/fstab", "CRLF", carriage_return},
	{MOUNT, "proc/self/mountinfo", "mounted", mounted},
	{MOUNT, "proc/self/mountinfo", "mounted twice", mounted_twice},
	{MOUNT, "proc/self/mountinfo", "not mounted", not_mounted},
	{MOUNT, "proc/self/mountinfo", "mounted with it", mounted_with_it},
};

#define FORMS (sizeof forms / sizeof *forms)

/* ------------------------------------------------------------------ walking */

static struct torn_arena arena;

static int open_arena(void **state)
{
	(void)state;
	return torn_arena_open(&arena, ARENA_BYTES);
}

static int close_arena(void **state)
{
	(void)state;
	torn_arena_close(&arena);
	return 0;
}

static struct torn_case case_of(enum subject subject)
{
	char text[2000];
	struct torn_case c;
	struct torn_case_error error;
	snprintf(text, sizeof text, "torn-case 1\ntarget %s\n%s", subjects[subject].target.name,
		 subjects[subject].olds);
	if (torn_case_parse("test", torn_bytes_of(text), &arena, &c, &error) < 0)
		fail_msg("line %u: %s", error.line, error.message);
	return c;
}

/* The text of a file of the old state or of an argument; data NULL: it is none, or the target's own. */
static struct torn_bytes text_at(const struct torn_case *c, const char *where)
{
	for (size_t i = 0; where[0] == '$' && i < c->args_count; i++)
		if (torn_bytes_equal(c->args[i].name, torn_bytes_of(where + 1)))
			return c->args[i].value;
	for (size_t i = 0; where[0] != '$' && i < c->olds_count; i++)
		if (torn_bytes_equal(c->olds[i].path, torn_bytes_of(where)) && !c->olds[i].absent &&
		    !c->olds[i].is_link && c->olds[i].type == TORN_FILE)
			return c->olds[i].text;
	return (struct torn_bytes){NULL, 0};
}

/* Mutate from the start again and again; `look` sees each case. */
static void walk(enum subject subject, void (*look)(enum subject subject, const struct torn_case *c))
{
	for (uint64_t seed = 0; seed < WALKS; seed++) {
		torn_arena_return(&arena, 0);
		struct torn_case c = case_of(subject);
		for (unsigned step = 0; step < STEPS; step++) {
			struct torn_mutation mutation = {.target = &subjects[subject].target,
							 .arena = &arena,
							 .dice = {seed * STEPS + step}};
			assert_int_equal(torn_mutate(&mutation, &c), 0);
			look(subject, &c);
		}
	}
}

/* -------------------------------------------------------------------- tests */

static unsigned seen[FORMS];

static void look_for_forms(enum subject subject, const struct torn_case *c)
{
	for (size_t i = 0; i < FORMS; i++) {
		const struct torn_bytes text = text_at(c, forms[i].where);
		if (forms[i].subject == subject && text.data)
			seen[i] += forms[i].shows(text);
	}
}

static void test_every_odd_form_comes_up(void **state)
{
	(void)state;
	size_t missing = 0;
	memset(seen, 0, sizeof seen);
	for (unsigned subject = 0; subject < SUBJECTS; subject++)
		walk(subject, look_for_forms);
	for (size_t i = 0; i < FORMS; i++) {
		if (getenv("MUTATE_TEST_VERBOSE"))
			print_message("%8u %s: %s\n", seen[i], forms[i].where, forms[i].name);
		if (seen[i] == 0)
			print_error("never came up: %s: %s\n", forms[i].where, forms[i].name);
		missing += seen[i] == 0;
	}
	assert_int_equal(missing, 0);
}

/* Is each line, without its newline and as a string, what `is_line` says? */
static bool are_lines(struct torn_bytes text, bool (*is_line)(const char *line))
{
	char all[16384], *rest = all;
	assert_true(text.size < sizeof all);
	if (memchr(text.data, 0, text.size) || (text.size > 0 && !ends(text, "\n")))
		return false;
	memcpy(all, text.data, text.size);
	all[text.size] = '\0';
	for (char *line; (line = strsep(&rest, "\n")) && rest;)
		if (!is_line(line))
			return false;
	return true;
}

/* id parent device root at options ... - type source options: proc_pid_mountinfo(5) */
static bool is_mount(const char *line)
{
	char copy[2048], *rest = copy, *words[16];
	size_t count = 0, dash = 6;
	snprintf(copy, sizeof copy, "%s", line);
	for (char *word; count < 16 && (word = strsep(&rest, " "));)
		if (*word)
			words[count++] = word;
	while (dash < count && strcmp(words[dash], "-") != 0)
		dash++;
	return dash + 4 == count && atoi(words[0]) > 0 && atoi(words[1]) > 0 && strchr(words[2], ':') &&
	       words[3][0] == '/' && words[4][0] == '/' && words[5][0] == 'r';
}

/* name size count users state address: proc_modules(5) */
static bool is_module(const char *line)
{
	unsigned long size, count, address;
	char name[60], users[100], mode[20];
	return sscanf(line, "%59s %lu %lu %99s %19s 0x%lx", name, &size, &count, users, mode, &address) == 6 &&
	       !strchr(name, '-') && (strcmp(users, "-") == 0 || users[strlen(users) - 1] == ',') &&
	       (strcmp(mode, "Live") == 0 || strcmp(mode, "Loading") == 0 || strcmp(mode, "Unloading") == 0);
}

static bool is_digits(struct torn_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (!strchr("-0123456789\t\n", text.data[i]))
			return false;
	return ends(text, "\n") && times(text, "\n") == 1;
}

static void look_at_runtime(enum subject subject, const struct torn_case *c)
{
	bool has_runtime = subject == DCONF;
	for (size_t i = 0; i < c->olds_count; i++) {
		const struct torn_old *old = &c->olds[i];
		const bool is_root = torn_bytes_equal(old->path, torn_bytes_of("proc"));
		has_runtime |= is_root && (old->mount & TORN_RUNTIME);
		if (subject == DCONF || is_root || !begins(old->path, "proc/"))
			continue;
		bool is_right = !old->absent && !old->is_link && old->type == TORN_FILE && old->mode == 0644 && old->uid == 0 &&
				old->gid == 0 && old->xattrs_count == 0 && old->mount == 0;
		if (begins(old->path, "proc/sys/") && !ends(old->path, "core_pattern"))
			is_right = is_right && is_digits(old->text);
		else if (is(old->path, "proc/modules"))
			is_right = is_right && are_lines(old->text, is_module) && times(old->text, "usb_storage ") <= 1 &&
				   times(old->text, "ext4 ") <= 1;
		else if (is(old->path, "proc/self/mountinfo"))
			is_right = is_right && are_lines(old->text, is_mount) && begins(old->text, "22 1 8:1 / / ");
		else if (is(old->path, "proc/audit/enabled"))
			is_right = is_right && (is(old->text, "0\n") || is(old->text, "1\n") || is(old->text, "2\n"));
		else if (is(old->path, "proc/audit/rules"))
			is_right = is_right && times(old->text, "\n-") + begins(old->text, "-") == times(old->text, "\n");
		if (!is_right)
			fail_msg("no kernel has %.*s: %.*s", (int)old->path.size, (const char *)old->path.data,
				 (int)old->text.size, (const char *)old->text.data);
	}
	assert_true(has_runtime);
}

static void test_below_a_runtime_directory_is_what_a_kernel_can_have(void **state)
{
	(void)state;
	for (unsigned subject = 0; subject < SUBJECTS; subject++)
		walk(subject, look_at_runtime);
}

/* Which row of the tables counts: a path or an argument that only looks like one has none. */
static void test_a_format_is_known_by_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		bool is_known;
	} rows[] = {
		{"etc/fstab", true},
		{"etc/fstab.bak", false},
		{"etc/sysctl.d/x.conf", true},
		{"etc/sysctl.d/x.conf.tmp", false},
		{"etc/sysctl.d/deep/x.conf", false},
		{"srv/etc/fstab", false},
		{"etc/dconf/db/local.d/locks/x", true},
		{"etc/dconf/db/local", false},
		{"proc/sys/no/such", true},
		{"proc/self/mountinfo", true},
		{"proc/self/status", false},
		{"proc", false},
		{"proc/sys", false},
		{"process/modules", false},
	};
	const struct torn_case c = case_of(MOUNT);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (torn_mutate_has_format(c.olds, c.olds_count, torn_bytes_of(rows[i].path)) != rows[i].is_known)
			fail_msg("%s", rows[i].path);
	assert_true(torn_mutate_is_runtime(c.olds, c.olds_count, torn_bytes_of("proc")));
	assert_true(torn_mutate_is_runtime(c.olds, c.olds_count, torn_bytes_of("proc/x")));
	assert_false(torn_mutate_is_runtime(c.olds, c.olds_count, torn_bytes_of("processes")));
}

static void test_an_argument_is_known_by_those_beside_it(void **state)
{
	(void)state;
	static const struct torn_default args[] = {{"key", "a"}, {"name", "b"}, {"options", "c"}, {NULL, NULL}};
	static const char *const elsewhere[] = {"etc/passwd", NULL};
	const struct torn_target target = {.name = "test.other", .args = args, .watch = elsewhere};
	const struct torn_case c = {.args_count = 0};
	struct torn_mutation mutation = {.target = &target, .arena = &arena, .dice = {1}};
	assert_false(torn_mutate_knows_formats(&mutation, &c));
	for (size_t i = 0; args[i].name; i++)
		assert_null(torn_mutate_formatted_arg(&mutation, &c, args[i].name, torn_bytes_of("x")).data);
}

/* "kernel.panic" is proc/sys/kernel/panic, and starts with what the kernel has. */
static void test_the_sysctl_of_a_key_is_the_kernels_file(void **state)
{
	(void)state;
	static const struct {
		const char *key, *path, *content; /* NULL: torn knows none */
	} rows[] = {
		{"net.ipv4.ip_forward", "proc/sys/net/ipv4/ip_forward", "0\n"},
		{"vm/swappiness", "proc/sys/vm/swappiness", "60\n"},
		{"no.such.key", NULL, NULL},
		{"", NULL, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct torn_case c = case_of(SYSCTL);
		struct torn_case_arg arg = {torn_bytes_of("key"), torn_bytes_of(rows[i].key)};
		struct torn_mutation mutation = {
			.target = &subjects[SYSCTL].target, .arena = &arena, .dice = {1}};
		struct torn_bytes content;
		c.args = &arg;
		c.args_count = 1;
		const struct torn_bytes path = torn_mutate_sysctl_of(&mutation, &c, &content);
		if (!rows[i].path && path.data)
			fail_msg("%s: %.*s", rows[i].key, (int)path.size, (const char *)path.data);
		if (!rows[i].path)
			continue;
		assert_true(torn_bytes_equal(path, torn_bytes_of(rows[i].path)));
		assert_true(torn_bytes_equal(content, torn_bytes_of(rows[i].content)));
	}
}

#define WITH_ARENA(function) cmocka_unit_test_setup_teardown(function, open_arena, close_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(test_every_odd_form_comes_up),
		WITH_ARENA(test_below_a_runtime_directory_is_what_a_kernel_can_have),
		WITH_ARENA(test_a_format_is_known_by_its_place),
		WITH_ARENA(test_an_argument_is_known_by_those_beside_it),
		WITH_ARENA(test_the_sysctl_of_a_key_is_the_kernels_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
