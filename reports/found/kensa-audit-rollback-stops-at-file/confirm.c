/* audit_rule_set: the kernel's rules are loaded, the file fails, and so does rollback's first step. */
#include "../confirm.h"

static int loaded; /* a stand-in for the kernel's list of rules, which no namespace holds */

static int open_folder(const char *operation)
{
	int folder = open("rules.d", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		printf("%s: rules.d: %s\n", operation, strerror(errno));
	return folder;
}

static int roll_back(void)
{
	if (open_folder("rollback, RemoveFile") < 0)
		return -1;
	loaded = 0;
	return 0;
}

int main(void)
{
	begin();
	loaded = 1; /* AddRule */
	MUST(open_folder("apply, WriteFile") < 0);
	MUST(roll_back() < 0);
	printf("the rule is %s\n", loaded ? "loaded" : "not loaded");
	return 0;
}
