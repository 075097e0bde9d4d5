/* audit_rule_set: a rule that is loaded is answered by EEXIST, of which the library makes another error. */
#include "../confirm.h"

static const char *rule_exists = "rule exists"; /* errors.New("rule exists"): it wraps no errno */

/* AddRule of the library, whose answer from the kernel is a stand-in: no namespace holds rules. */
static const char *add_rule(int answer)
{
	return answer == EEXIST ? rule_exists : answer ? strerror(answer) : NULL;
}

/* errors.Is(err, unix.EEXIST): equal, or it wraps one that is. */
static int is_eexist(const char *error)
{
	return error == strerror(EEXIST);
}

int main(void)
{
	const char *error = add_rule(EEXIST);
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("AddRule: %s\n", error);
	printf("tolerated: %s\n", is_eexist(error) ? "yes" : "no, the step fails");
	return 0;
}
