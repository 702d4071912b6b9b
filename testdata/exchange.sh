#!/bin/sh
# What others make of an export: two WARC libraries read it, Arrow and, when npm is
# here, DuckDB read it as Parquet, and ReplayWeb.page shows a page of it, when a
# Chromium is here, too. It needs the sample ministry:
#   go run ./testdata/ministry/serve -- sh testdata/exchange.sh
set -eu

LUUTIN=${LUUTIN:-bin/luutin}
GO=${GO:-go}
: "${LUUTIN_SAMPLE_PROXY:?is not set: run this through testdata/ministry/serve}"
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/luutin-exchange.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

# crawl may end with status 1: two pages of the ministry are broken, on purpose.
crawl() {
	"$LUUTIN" --archive "$dir/archive" --sites "$here/ministry/sites" crawl --quiet --delay 1ms --revisit --proxy "$LUUTIN_SAMPLE_PROXY" \
		bomau-www bomau-bao bomau-luat bomau-tinhthanh bomau-cong || [ $? -eq 1 ]
}
crawl
crawl
"$LUUTIN_SAMPLE_SERVE" --edition 3
crawl
"$LUUTIN" --archive "$dir/archive" export --format warc -o "$dir/all.warc.gz"
"$LUUTIN" --archive "$dir/archive" export --format wacz -o "$dir/all.wacz"

$GO -C "$here/warccheck" build -o "$dir/" ./...
"$dir/warccheck" "$dir/all.warc.gz"
dd if=/dev/zero of="$dir/all.warc.gz" bs=1 seek=100000 count=8 conv=notrunc 2>/dev/null
if "$dir/warccheck" "$dir/all.warc.gz" >"$dir/log" 2>&1; then
	echo "warccheck does not see damage" >&2
	exit 1
fi

for format in jsonl parquet; do
	"$LUUTIN" --archive "$dir/archive" export --quiet --history --format $format -o "$dir/all.$format"
done
$GO -C "$here/parquetcheck" build -o "$dir/" .
duckdb=
if command -v npm >/dev/null; then
	mkdir "$dir/duckdb"
	cp "$here/parquetcheck/duckdb.mjs" "$dir/duckdb"
	(cd "$dir/duckdb" && npm install --silent --no-audit --no-fund @duckdb/node-api@1.5.6-r.1 >/dev/null && node duckdb.mjs ../all.parquet rows.jsonl)
	duckdb=$dir/duckdb/rows.jsonl
else
	echo "left out: DuckDB, which needs npm"
fi
"$dir/parquetcheck" "$dir/all.jsonl" "$dir/all.parquet" ${duckdb:+"$duckdb"}
sed '7s/"title":"/&x/' "$dir/all.jsonl" >"$dir/other.jsonl"
if "$dir/parquetcheck" "$dir/other.jsonl" "$dir/all.parquet" >"$dir/log" 2>&1; then
	echo "parquetcheck does not see a difference" >&2
	exit 1
fi

if ! command -v npm >/dev/null || ! { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; then
	echo "left out: ReplayWeb.page, which needs npm and chromium"
	exit 0
fi
(cd "$dir" && npm pack --silent replaywebpage@2.4.6 >/dev/null && tar xzf replaywebpage-2.4.6.tgz)
page=http://bao.bomau.example/khong-ne-tranh-khi-thuc-hien-nhiem-vu-41217.html
"$dir/replay" "$dir/package" "$dir/all.wacz" "$page" "$(date -u +%Y%m%d%H%M%S)" "Không né tránh khi thực hiện nhiệm vụ"
