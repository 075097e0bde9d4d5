/* audit_rule_set, rollback of later work: its lines are taken out, and without a rule left the file goes. */
#include "../confirm.h"

#define FILE_NAME "99-kensa.rules"

int main(void)
{
	char text[80] = "";
	int rules = 0;
	begin();
	put(FILE_NAME, "# ask Ann first\n-w /etc/passwd\n"); /* somebody's remark, and what apply added */
	FILE *file = fopen(FILE_NAME, "r");
	MUST(file != NULL);
	while (fgets(text, sizeof text, file))
		rules += text[0] == '-' && strcmp(text, "-w /etc/passwd\n") != 0;
	MUST(fclose(file) == 0);
	printf("rules that remain: %d\n", rules);
	if (rules == 0)
		MUST(unlink(FILE_NAME) == 0);
	show(FILE_NAME);
	return 0;
}
