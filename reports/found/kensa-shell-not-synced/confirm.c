/* Commands sync nothing: `printf > FILE`, and its rollback `rm -f FILE`, on ext4 with a commit of its journal between. */
#include "../power.h"

static void put_nothing(void)
{
}

static void run(const char *command)
{
	MUST(system(command) == 0);
}

int main(void)
{
	begin_on_ext4(put_nothing);
	run("printf '%s' 'a = 1' > 98-kensa.conf");
	run("printf '%s' 'a = 1' > 99-kensa.conf");
	printf("applied\n");
	show("98-kensa.conf");
	show("99-kensa.conf");
	another_program_syncs();
	run("rm -f 99-kensa.conf");
	printf("99-kensa.conf is rolled back\n");
	show("99-kensa.conf");
	power_goes();
	show("98-kensa.conf");
	show("99-kensa.conf");
	return 0;
}
