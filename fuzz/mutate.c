#include "mutate.h"
#include "placing.h"
#include "case.h"
static uint64_t next(uint64_t *s){uint64_t z=*s+=0x9e3779b97f4a7c15u;z=(z^z>>30)*0xbf58476d1ce4e5b9u;z=(z^z>>27)*0x94d049bb133111ebu;return z^z>>31;}
int torn_mutate(struct torn_case *c, const struct torn_target *target, const struct torn_log *log, size_t max, struct torn_arena *arena, uint64_t *seed)
{
	(void)target;(void)max;(void)arena;
	if (!log) return -1;
	if (c->plan.faults_count && next(seed)%3==0) { c->plan.faults_count--; return 0; }
	if (c->plan.faults_count>=3) { c->plan.faults_count=1; return 0; }
	struct torn_placing p;
	if (torn_place(&c->plan, log, c->plan.faults_count?c->plan.faults[c->plan.faults_count-1].when.first:0, TORN_LIST_FULL,&p)==0 && p.count) c->plan=p.items[next(seed)%p.count].plan;
	torn_placing_close(&p);
	return 0;
}
int torn_mutate_cross(struct torn_case *c, const struct torn_case *other, size_t max, struct torn_arena *arena, uint64_t *seed)
{ (void)max;(void)arena;(void)seed; c->plan = other->plan; return 0; }
