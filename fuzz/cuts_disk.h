/* cuts_disk.h: what a power cut at any moment of a run leaves on a real file system, judged. */
#ifndef TORN_CUTS_DISK_H
#define TORN_CUTS_DISK_H

#include "../injectors/device_server.h"
#include "cutting.h"

/*
 * What a run may cost in a search (torn_cuts.disk_states_max, recordings_max). A state takes a mount, 3 ms on ext4 and 5 to
 * 8 on XFS and btrfs, and a recording two or three of them, where a whole run without a disk takes less than one: with
 * these a run that is new takes some 100 ms on ext4. All states of a replace are 130 in four recordings there, and 700 on
 * btrfs: a search has more from other runs than from all states of one.
 */
#define TORN_SEARCHED_STATES_MAX 24u
#define TORN_SEARCHED_RECORDINGS_MAX 4u

/*
 * Judge the cuts of a run, as it is done again on lab->disks: once without a commit, and once with one forced
 * behind each op that changed something; of a search, some of them. Returns 0; -EPROTO; -ENOTSUP where the file system
 * cannot do the run, or what came after some cut cannot be judged (lab->failure says what); -ENOMEM.
 */
int torn_cuts_judge_disk(struct cutting *cutting);

/*
 * Move a trial to a cut of a case that names a disk. Returns as torn_trial_cut() does; -EINVAL where the run gives the
 * disk no such writes, or a flush had made one durable that is lost.
 */
int torn_trial_cut_disk(struct torn_lab *lab, const struct torn_setup *setup, struct torn_trial *trial,
			const struct torn_cut *cut);

#endif
