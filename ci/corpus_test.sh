#!/usr/bin/env bash
# ci/corpus with scripts in place of fuzz binaries: what it keeps, and that it
# destroys nothing where it cannot.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 0755 "$place"
bash=$(command -v bash)
corpus=$place/corpus
mkdir "$place/build" "$corpus"

# fake NAME REPLAY MERGE: what it does with -runs=0 and with -merge=1.
fake() {
	cat >"$place/build/fuzz_$1" <<-END
		#!$bash
		case "\$*" in
		*-merge=1*) $3 ;;
		*-runs=0*) $2 ;;
		*) exit 2 ;;
		esac
	END
	chmod +x "$place/build/fuzz_$1"
}

# A corpus of three inputs.
inputs() {
	rm -rf "${corpus:?}/$1"
	mkdir "$corpus/$1"
	for name in one two three; do echo $name >"$corpus/$1/$name"; done
}

# Run ci/corpus; sets $status and $output.
run() {
	status=0
	output=$(FUZZ_BUILD=$place/build FUZZ_CORPUS=$corpus \
		"${SOURCE_DIR:?}/ci/corpus" "$@" 2>&1) || status=$?
}

expect() {
	if ! eval "$1"; then
		echo "failed: $1 (exit $status)"
		echo "$output"
		ls -lAR "$corpus"
		exit 1
	fi
}

kept() {
	[[ $(cd "$corpus/$1" && cat one two three | tr '\n' ' ') == 'one two three ' ]]
}

# What a merge keeps takes the place of all, and nothing else is left.
inputs good
fake good 'exit 0' 'cp all/two new/2'
run
expect '((status == 0))'
expect '[[ $(ls -A "$corpus/good") == 2 && $(cat "$corpus/good/2") == two ]]'
expect '[[ $(ls -A "$corpus") == good ]]'
expect '[[ $output == *"good: 3 inputs, now 1"* ]]'
expect '[[ $(stat -c %u "$corpus/good/2") == "$(id -u)" ]]'

# An input that had a name keeps it.
inputs good
fake good 'exit 0' 'cp all/two "new/$(sha1sum <all/two | cut -c1-40)"; echo x >new/x'
run
expect '((status == 0))'
expect '[[ $(ls -A "$corpus/good" | tr "\n" " ") == "two x " && $(cat "$corpus/good/two") == two ]]'

# Only files are taken from what was fuzzed.
inputs good
fake good 'exit 0' 'cp all/two new/2; ln -s /etc/passwd new/link'
run
expect '((status == 0))'
expect '[[ $(ls -A "$corpus/good") == 2 ]]'

# Never as root.
fake good '(($(id -u) != 0))' 'cp all/* new'
run
expect '((status == 0))'

# Nor on the corpus itself.
inputs good
fake good 'rm all/one' 'exit 86'
run
expect 'kept good'

# A finding among the inputs, a merge that fails, one that keeps nothing, one
# whose result crashes, one that has more than there was: all stays, exit 1,
# and the folder behind it has its turn.
inputs zebra
fake zebra 'exit 0' 'cp all/one all/two new'
for how in 'exit 86|exit 0' 'exit 0|exit 1' 'exit 0|exit 0' \
	'[[ "$*" == *all* ]]|cp all/one new' 'exit 0|cp all/* new; cp all/one new/four'; do
	inputs good
	inputs zebra
	fake good "${how%|*}" "${how#*|}"
	run
	expect '((status == 1))'
	expect 'kept good'
	expect '[[ $output == *"$corpus/good stays as it is: "* ]]'
	expect '[[ $(ls "$corpus/zebra" | wc -l) == 2 ]]'
done

# No binary, no folder, an empty folder.
rm "$place/build/fuzz_good"
run "$corpus/good"
expect '((status == 1))'
expect 'kept good'
run "$corpus/missing"
expect '((status == 1))'
expect '[[ ! -e $corpus/missing ]]'
mkdir "$corpus/empty"
fake empty 'exit 1' 'exit 1'
run "$corpus/empty"
expect '((status == 0))'
expect '[[ -d $corpus/empty ]]'
rmdir "$corpus/empty"

# What a killed run left: a folder that is gone comes back, one that is there stays.
fake good 'exit 0' 'cp all/* new'
inputs good
mv "$corpus/good" "$corpus/.good.old"
mkdir "$corpus/.zebra.old" "$corpus/.good.new"
run
expect '((status == 0))'
expect 'kept good'
expect '[[ $(ls -A "$corpus" | tr "\n" " ") == "good zebra " ]]'
