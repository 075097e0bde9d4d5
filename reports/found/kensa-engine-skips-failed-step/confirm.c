/* A step that fails behind its first change; the engine rolls back the steps whose Success is true. */
#include "../kensa_runtime.h"

int main(void)
{
	begin();
	begin_runtime();
	show_value();
	set_value("1"); /* apply: the runtime value first, then the drop-in */
	MUST(open_folder("apply, AtomicWrite") < 0 && errno == ENOENT);
	const int success = 0, results = success ? 1 : 0;
	printf("results of rollback: %d, all of them clean: rolled_back\n", results);
	show_value();
	return 0;
}
