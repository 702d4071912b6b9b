#!/bin/sh
# What a reader does with luutin serve, in a headless Chromium. It needs the
# sample ministry, npm and a Chromium:
#   go run ./testdata/ministry/serve -- sh testdata/browser.sh
# With LUUTIN_PICTURES=DIR it leaves a picture of every page there.
set -eu

LUUTIN=${LUUTIN:-bin/luutin}
GO=${GO:-go}
: "${LUUTIN_SAMPLE_PROXY:?is not set: run this through testdata/ministry/serve}"
if ! command -v npm >/dev/null || ! { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; then
	echo "left out: a browser test, which needs npm and chromium"
	exit 0
fi
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/luutin-browser.XXXXXX")
pid=
stop() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT TERM

luutin() { "$LUUTIN" --archive "$dir/archive" --sites "$here/ministry/sites" "$@"; }

# crawl may end with status 1: two pages of the ministry are broken, on purpose.
crawl() {
	luutin crawl --quiet --delay 1ms --revisit --proxy "$LUUTIN_SAMPLE_PROXY" bomau-www bomau-bao bomau-luat bomau-tinhthanh bomau-cong || [ $? -eq 1 ]
}
crawl
"$LUUTIN_SAMPLE_SERVE" --edition 3
crawl
luutin import --quiet "$here/browser/hostile.html" || [ $? -eq 1 ]

"$LUUTIN" --archive "$dir/archive" --sites "$here/ministry/sites" serve --address 127.0.0.1:0 >/dev/null 2>"$dir/log" &
pid=$!
for _ in $(seq 100); do
	url=$(sed -n 's|^the archive is at \(http://.*\)/$|\1|p' "$dir/log")
	[ -z "$url" ] || break
	sleep .1
done
(cd "$dir" && npm pack --silent axe-core@4.14.1 >/dev/null && tar xzf axe-core-4.14.1.tgz)
$GO -C "$here/browser" build -o "$dir/browser" .
"$dir/browser" "$url" "$dir/package/axe.min.js" ${LUUTIN_PICTURES:+"$LUUTIN_PICTURES"}
kill "$pid"
wait "$pid" || [ $? -eq 130 ]
pid=
if grep -v '^the archive is at\|: interrupted$' "$dir/log"; then
	echo "serve complained" >&2
	exit 1
fi
