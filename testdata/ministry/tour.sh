#!/bin/sh
# The five-minute tour: what make run shows. It needs the sample ministry:
#   go run ./testdata/ministry/serve -- sh testdata/ministry/tour.sh
set -eu

LUUTIN=${LUUTIN:-bin/luutin}
: "${LUUTIN_SAMPLE_PROXY:?is not set: run this through testdata/ministry/serve}"
sites=$(dirname "$0")/sites
archive=$(mktemp -d "${TMPDIR:-/tmp}/luutin-tour.XXXXXX")
trap 'rm -rf "$archive"' EXIT
trap 'exit 130' INT TERM

# Cut at the width of the terminal, by characters.
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in *UTF-8 | *utf8) ;; *) export LC_ALL=C.UTF-8 ;; esac
columns=$(stty size 2>/dev/null | cut -d' ' -f2 || true)
case $columns in '' | 0 | *[!0-9]*) columns=100 ;; esac
[ "$columns" -le 250 ] || columns=250

say() { printf '\n%s\n' "$*"; }

# luutin shows a command as one would type it, past any pipe, and runs it.
exec 3>&1
luutin() {
	printf '\n$ luutin %s\n' "$*" >&3
	"$LUUTIN" --archive "$archive" --sites "$sites" "$@"
}

# some shows the beginnings of the first lines.
some() { head -n "$1" | sed "s/^\\(.\\{$columns\\}\\).*/\\1/"; }

# crawl may end with status 1: two pages of the ministry are broken, on purpose.
crawl() {
	status=0
	luutin crawl --proxy "$LUUTIN_SAMPLE_PROXY" "$@" bomau-www bomau-bao bomau-luat bomau-tinhthanh bomau-cong || status=$?
	[ "$status" -le 1 ] || exit "$status"
}

say "The sample ministry has five sites on five systems: VCCorp, MasterCMS, SharePoint,
Liferay and a portal of JSON. They are invented, and are served on this machine
($LUUTIN_SAMPLE_PROXY, which stands in for the net as a proxy).
--archive and --sites are left out of the commands below. A crawl names what it
could not get or not read, and then ends with status 1: two pages of the ministry
are broken, on purpose, and robots.txt forbids one."

say "1. Visit every list, feed and sitemap, and keep every article:"
crawl

say "2. Again at once: nothing is new, and only the lists are asked for:"
"$LUUTIN_SAMPLE_SERVE" --edition 2
crawl

say "3. What is kept, as JSON, one article a line:"
luutin export | some 4
printf '… %s lines in all\n' "$("$LUUTIN" --archive "$archive" export | wc -l | tr -d ' ')"

say "4. One of them, as a person reads it:"
luutin show http://bao.bomau.example/khong-ne-tranh-khi-thuc-hien-nhiem-vu-41217.html | some 16

say "5. Two days later: one article was edited, one deleted, three are new. Look at all again:"
"$LUUTIN_SAMPLE_SERVE" --edition 3
crawl --revisit

say "6. What changed. The older version is kept, and so is what was deleted:"
edited=$("$LUUTIN" --archive "$archive" export --site bomau-www | sed -n 's|.*"canonical_url":"\([^"]*thu-truong-phung-van-lam[^"]*\)".*|\1|p')
luutin history "$edited"
luutin show http://bao.bomau.example/bat-qua-tang-ghe-hut-cat-trai-phep-luc-rang-sang-60913.html | some 8

say "7. Is everything whole?"
luutin verify

say "That was it. The archive was made in $archive and is removed now.
To look at the ministry in a browser: go run ./testdata/ministry/serve"
