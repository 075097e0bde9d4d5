/* runtime_boot.c: see torn_runtime_boot() of runtime.h. */
#include "runtime_boot.h"

#include "runtime.h"

#define KEY_MAX 512u /* of a sysctl's path below sys, in bytes */

/* What is being booted. */
struct boot {
	struct torn_arena *arena;
	const struct torn_node *root;
	struct torn_boot_sysctls sysctls;
	uint8_t key[KEY_MAX];
};

static const struct torn_entry *find_runtime(const struct torn_node *root)
{
	for (uint32_t i = 0; i < root->entries_count; i++)
		if (root->entries[i].node->mount & TORN_RUNTIME)
			return &root->entries[i];
	return NULL;
}

bool torn_runtime_path(const struct torn_node *root, struct torn_bytes path, struct torn_bytes *ret_below)
{
	const size_t size = torn_text_find(path, '/');
	if (size + 1 >= path.size)
		return false;
	const struct torn_entry *entry = torn_node_entry(root, (struct torn_bytes){path.data, size});
	if (!entry || !(entry->node->mount & TORN_RUNTIME))
		return false;
	*ret_below = torn_text_behind(path, size + 1);
	return true;
}

/* ---------------------------------------------------------------- content */

static int read_content(struct torn_arena *arena, const struct torn_node *file, struct torn_bytes *ret_content)
{
	uint8_t *content = torn_arena_take_raw(arena, file->size ? (size_t)file->size : 1);
	if (!content)
		return -ENOMEM;
	*ret_content = (struct torn_bytes){content, torn_node_read(file, 0, content, (size_t)file->size)};
	return 0;
}

/* The file with that content; itself where it has it already. Returns 0 or -ENOMEM. */
static int with_content(struct torn_arena *arena, const struct torn_node *file, struct torn_bytes now,
			struct torn_bytes content, const struct torn_node **ret_file)
{
	*ret_file = file;
	if (torn_bytes_equal(now, content))
		return 0;
	const struct torn_node *made = torn_node_resize(arena, file, 0);
	if (made)
		made = torn_node_write(arena, made, 0, content);
	*ret_file = made;
	return made ? 0 : -ENOMEM;
}

/* ---------------------------------------------------------------- sysctls */

static int boot_sysctl(struct boot *boot, const struct torn_node *file, size_t key_size,
		       const struct torn_node **ret_file)
{
	struct torn_bytes now, content;
	int error = read_content(boot->arena, file, &now);
	if (!error)
		error = torn_boot_sysctl(boot->arena, &boot->sysctls, (struct torn_bytes){boot->key, key_size},
					 now, &content);
	return error ? error : with_content(boot->arena, file, now, content, ret_file);
}

/* Append a component to the key. Returns its size then, 0 where it is too long. */
static size_t longer_key(struct boot *boot, size_t size, struct torn_bytes name)
{
	if (size + 1 + name.size > KEY_MAX)
		return 0;
	if (size)
		boot->key[size++] = '/';
	for (size_t i = 0; i < name.size; i++)
		boot->key[size + i] = name.data[i];
	return size + name.size;
}

static int boot_sysctls(struct boot *boot, const struct torn_node *dir, size_t key_size,
			const struct torn_node **ret_dir)
{
	const struct torn_node *made = dir;
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_entry *entry = &dir->entries[i];
		const struct torn_node *node = entry->node;
		const size_t longer = longer_key(boot, key_size, entry->name);
		int error = 0;
		if (longer && entry->node->type == TORN_DIRECTORY)
			error = boot_sysctls(boot, entry->node, longer, &node);
		else if (longer && entry->node->type == TORN_FILE)
			error = boot_sysctl(boot, entry->node, longer, &node);
		if (error)
			return error;
		if (node == entry->node)
			continue;
		made = torn_node_put(boot->arena, made, entry->name, node, entry->object);
		if (!made)
			return -ENOMEM;
	}
	*ret_dir = made;
	return 0;
}

/* ------------------------------------------------------------ other files */

typedef int boot_part(struct torn_arena *arena, const struct torn_node *root, struct torn_bytes now,
		      struct torn_bytes *ret_content);

/* What boot makes of one file, by its path below the runtime mount. */
static const struct {
	const char *dir, *name; /* dir: one component, or NULL */
	boot_part *part;
} parts[] = {
	{NULL, "modules", torn_boot_modules},
	{"self", "mountinfo", torn_boot_mounts},
	{"audit", "rules", torn_boot_audit_rules},
	{"audit", "enabled", torn_boot_audit_enabled},
};

/* Replace one entry of a directory. Returns 0, also where it is not there, or -ENOMEM. */
static int boot_file(const struct boot *boot, const struct torn_node *dir, const char *name, boot_part *part,
		     const struct torn_node **ret_dir)
{
	const struct torn_entry *entry = torn_node_entry(dir, torn_bytes_of(name));
	const struct torn_node *file;
	struct torn_bytes now, content;
	*ret_dir = dir;
	if (!entry || entry->node->type != TORN_FILE)
		return 0;
	int error = read_content(boot->arena, entry->node, &now);
	if (!error)
		error = part(boot->arena, boot->root, now, &content);
	if (!error)
		error = with_content(boot->arena, entry->node, now, content, &file);
	if (error || file == entry->node)
		return error;
	*ret_dir = torn_node_put(boot->arena, dir, entry->name, file, entry->object);
	return *ret_dir ? 0 : -ENOMEM;
}

static int boot_part_of(const struct boot *boot, const struct torn_node *runtime, size_t number,
			const struct torn_node **ret_runtime)
{
	if (!parts[number].dir)
		return boot_file(boot, runtime, parts[number].name, parts[number].part, ret_runtime);
	const struct torn_entry *entry = torn_node_entry(runtime, torn_bytes_of(parts[number].dir));
	const struct torn_node *dir;
	*ret_runtime = runtime;
	if (!entry || entry->node->type != TORN_DIRECTORY)
		return 0;
	const int error = boot_file(boot, entry->node, parts[number].name, parts[number].part, &dir);
	if (error || dir == entry->node)
		return error;
	*ret_runtime = torn_node_put(boot->arena, runtime, entry->name, dir, entry->object);
	return *ret_runtime ? 0 : -ENOMEM;
}

/* ------------------------------------------------------------------- boot */

static int boot_all_sysctls(struct boot *boot, const struct torn_node *runtime,
			    const struct torn_node **ret_runtime)
{
	const struct torn_entry *entry = torn_node_entry(runtime, torn_bytes_of("sys"));
	const struct torn_node *dir;
	*ret_runtime = runtime;
	if (!entry || entry->node->type != TORN_DIRECTORY)
		return 0;
	int error = torn_boot_sysctls_read(boot->arena, boot->root, &boot->sysctls);
	if (!error)
		error = boot_sysctls(boot, entry->node, 0, &dir);
	if (error || dir == entry->node)
		return error;
	*ret_runtime = torn_node_put(boot->arena, runtime, entry->name, dir, entry->object);
	return *ret_runtime ? 0 : -ENOMEM;
}

int torn_runtime_boot(struct torn_arena *arena, const struct torn_node *root, const struct torn_node **ret_root)
{
	struct boot boot = {.arena = arena, .root = root};
	const struct torn_entry *entry = find_runtime(root);
	if (!entry) {
		*ret_root = root;
		return 0;
	}
	const struct torn_node *runtime;
	int error = boot_all_sysctls(&boot, entry->node, &runtime);
	for (size_t i = 0; !error && i < sizeof parts / sizeof parts[0]; i++)
		error = boot_part_of(&boot, runtime, i, &runtime);
	if (error)
		return error;
	const struct torn_node *made = root;
	if (runtime != entry->node)
		made = torn_node_put(arena, root, entry->name, runtime, entry->object);
	if (made)
		*ret_root = made;
	return made ? 0 : -ENOMEM;
}
