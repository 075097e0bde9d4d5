/* standin_commands.c: the stand-ins as commands, for shells. */
#include "../../fuzz/torn.h"
#include "standins.h"

#define STANDIN(name)                                                                              \
	static const struct torn_command name##_command = {#name, standin_##name};                 \
	TORN_COMMAND(name##_command)

STANDIN(sysctl);
STANDIN(modprobe);
STANDIN(modinfo);
STANDIN(mount);
STANDIN(findmnt);
STANDIN(dconf);
STANDIN(augenrules);
STANDIN(auditctl);
