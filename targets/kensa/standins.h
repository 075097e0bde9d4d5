/*
 * standins.h: commands that kensa's handlers run, as far as they do so, on the same files and by
 * the same system calls as the real ones. Each is a function, so that the gate in process can call it,
 * and a program where it is linked with a main().
 *
 * What one prints goes to standin_output(); what it complains about to stderr. Exit statuses are
 * those of the real command. What a stand-in leaves out is said above it.
 */
#ifndef KENSA_STANDINS_H
#define KENSA_STANDINS_H

#include <stdio.h>

/* sysctl -w KEY=VALUE, sysctl -n KEY */
int standin_sysctl(int argc, char **argv);
/* modprobe NAME, modprobe -i NAME (whatever `install` lines say), modprobe -r NAME */
int standin_modprobe(int argc, char **argv);
/* modinfo -n NAME: the path of what `modprobe NAME` would load */
int standin_modinfo(int argc, char **argv);
/* mount -o remount DIRECTORY */
int standin_mount(int argc, char **argv);
/* findmnt -n -o OPTIONS|VFS-OPTIONS|FS-OPTIONS|SOURCE DIRECTORY */
int standin_findmnt(int argc, char **argv);
/* dconf update, dconf compile FILE DIRECTORY */
int standin_dconf(int argc, char **argv);
/* auditctl -s, auditctl -l, and a rule: -w, -a, -A to load it, -W, -d to unload it */
int standin_auditctl(int argc, char **argv);
/* augenrules --load */
int standin_augenrules(int argc, char **argv);

/* Where a stand-in prints: stdout, unless standins_run() wants to have it. */
FILE *standin_output(void);

/*
 * Run a command line of plain words, quoted or not, by calling its stand-in, as `sh -c` would run the command.
 * `ret_output` (may be NULL: stdout) is malloc'ed. Returns the exit status, 127 where no stand-in
 * has that name; -1 where memory is short.
 */
int standins_run(const char *command, char **ret_output);

#endif
