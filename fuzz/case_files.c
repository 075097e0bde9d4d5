/* case_files.c: see case_files.h. */
#include "case_files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "output.h"

static int write_text(FILE *out, const void *context)
{
	const struct torn_finding *finding = context;
	return fwrite(finding->case_text, 1, finding->case_size, out) == finding->case_size ? 0 : -EIO;
}

int torn_case_file_name(const struct torn_finding *finding, char *buffer, size_t size)
{
	return snprintf(buffer, size, "%s-%s-%016lx.case", finding->target, finding->id,
			XXH3_64bits(finding->case_text, finding->case_size));
}

int torn_case_files_write(struct torn_result *result, const char *folder, char *ret_path,
			  size_t size)
{
	for (size_t i = 0; i < result->findings_count; i++) {
		struct torn_finding *finding = &result->findings[i];
		if (!finding->has_case || !finding->case_text)
			continue;
		snprintf(ret_path, size, "%s", folder);
		if (mkdir(folder, 0777) != 0 && errno != EEXIST)
			return -errno;
		const int length = snprintf(ret_path, size, "%s/", folder);
		if (length < 0 || (size_t)length >= size)
			return -ENAMETOOLONG;
		torn_case_file_name(finding, ret_path + length, size - (size_t)length);
		int r = torn_output_write(ret_path, write_text, finding);
		if (r < 0)
			return r;
		finding->case_file = strdup(ret_path);
		if (!finding->case_file)
			return -ENOMEM;
	}
	return 0;
}

void torn_case_files_free(struct torn_result *result)
{
	for (size_t i = 0; i < result->findings_count; i++) {
		free((char *)result->findings[i].case_file);
		result->findings[i].case_file = NULL;
	}
}
