package dates

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

var hanoi = time.FixedZone("", 7*3600)

// want is written as RFC 3339 cut to the precision; "-" means no date.
func TestParse(t *testing.T) {
	vn := Options{Zone: hanoi, NotAfter: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	us := Options{Order: MonthFirst, NotAfter: vn.NotAfter}
	for _, tt := range []struct {
		name, in, want, text string
		o                    Options
	}{
		// how ministries and papers print it
		{"clock before day", "14:39 | 19/01/2018", "2018-01-19T14:39+07:00", "14:39 | 19/01/2018", vn},
		{"label, noon that means nothing, counter", "Ngày đăng 24/07/2015 | 12:00 AM | View count: 665", "2015-07-24", "24/07/2015 | 12:00 AM", vn},
		{"afternoon with PM", "31/05/2017 | 3:49 PM", "2017-05-31T15:49+07:00", "31/05/2017 | 3:49 PM", vn},
		{"padded PM", "24/08/2022 | 04:30 PM", "2022-08-24T16:30+07:00", "", vn},
		{"English label", "Publish date 24/08/2022 | 9:05 AM", "2022-08-24T09:05+07:00", "24/08/2022 | 9:05 AM", vn},
		{"two nodes", "01/03/2026\n\t  09:51", "2026-03-01T09:51+07:00", "01/03/2026 09:51", vn},
		{"no padding, zone", "Thứ bảy, 7/3/2026, 00:05 (GMT+7)", "2026-03-07T00:05+07:00z", "Thứ bảy, 7/3/2026, 00:05 (GMT+7)", vn},
		{"sunday", "Chủ nhật, 13/2/2022, 16:08 (GMT+7)", "2022-02-13T16:08+07:00z", "Chủ nhật, 13/2/2022, 16:08 (GMT+7)", vn},
		{"weekday and dash", "Thứ bảy, 07/03/2026 - 08:07", "2026-03-07T08:07+07:00", "", vn},
		{"zone with minutes", "07/03/2026 08:52 (GMT+07:00)", "2026-03-07T08:52+07:00z", "07/03/2026 08:52 (GMT+07:00)", Options{}},
		{"both forms of one page", "Thứ Bảy, 07/03/2026 - 08:52 07/03/2026 08:52 (GMT+07:00)", "2026-03-07T08:52+07:00", "Thứ Bảy, 07/03/2026 - 08:52", vn},
		{"zone bare", "23/03/2015 08:06 GMT+7", "2015-03-23T08:06+07:00z", "", Options{}},
		{"24 hours with AM", "07-03-2026 - 00:01 AM", "2026-03-07T00:01+07:00", "", vn},
		{"24 hours with AM in the morning", "07-03-2026 - 09:40 AM", "2026-03-07T09:40+07:00", "", vn},
		{"24 hours with PM", "07-03-2026 - 16:40 PM", "2026-03-07T16:40+07:00", "", vn},
		{"dash in front", "- 07/03/2026 08:47", "2026-03-07T08:47+07:00", "07/03/2026 08:47", vn},
		{"dash between", "08/01/2026 - 18:21", "2026-01-08T18:21+07:00", "", vn},
		{"day alone", "24/06/2026", "2026-06-24", "24/06/2026", vn},
		{"clock and comma", "14:39, 19/01/2018", "2018-01-19T14:39+07:00", "", vn},
		{"clock and blank", "14:39 19/01/2018", "2018-01-19T14:39+07:00", "", vn},
		{"clock with a minute sign", "14:39' - 19/01/2018", "2018-01-19T14:39+07:00", "", vn},
		{"comma and clock", "19/01/2018, 14:39", "2018-01-19T14:39+07:00", "", vn},
		{"UTC+7", "19/01/2018 14:39 UTC+7", "2018-01-19T14:39+07:00z", "", Options{}},
		{"label", "Cập nhật: 08:30 - 05/3/2020", "2020-03-05T08:30+07:00", "08:30 - 05/3/2020", vn},
		{"blanks round the slashes", "07 / 12 / 2019 - 12:41 PM", "2019-12-07T12:41+07:00", "07 / 12 / 2019 - 12:41 PM", vn},
		{"weekday, day, clock, zone", "Thứ sáu, 19/01/2018 14:39 GMT+7", "2018-01-19T14:39+07:00z", "", vn},
		{"weekday as a number", "Thứ 6, 19/01/2018 14:39", "2018-01-19T14:39+07:00", "Thứ 6, 19/01/2018 14:39", vn},
		{"weekday as a number between", "14:39 - Thứ 6, 19/01/2018", "2018-01-19T14:39+07:00", "14:39 - Thứ 6, 19/01/2018", vn},
		{"T6", "T6, 19/01/2018 14:39", "2018-01-19T14:39+07:00", "", vn},
		{"span of clock and zone behind the day", "14:39 19/01/2018 (GMT+7)", "2018-01-19T14:39+07:00z", "14:39 19/01/2018 (GMT+7)", Options{}},
		{"morning in Vietnamese", "8:06 SA, 07/03/2026", "2026-03-07T08:06+07:00", "", vn},
		{"afternoon in Vietnamese", "07/03/2026 3:49 CH", "2026-03-07T15:49+07:00", "", vn},
		{"chiều", "3 giờ 49 phút chiều, ngày 7/3/2026", "2026-03-07T15:49+07:00", "", vn},
		{"hours with h", "15h49 ngày 7/3/2026", "2026-03-07T15:49+07:00", "", vn},
		{"hour and day", "8h 7/3/2026", "2026-03-07T08:00+07:00", "", vn},
		{"written out", "Ngày 19 tháng 01 năm 2018", "2018-01-19", "19 tháng 01 năm 2018", vn},
		{"written out with weekday", "Thứ Bảy, Ngày 07 tháng 03 năm 2026", "2026-03-07", "Thứ Bảy, Ngày 07 tháng 03 năm 2026", vn},
		{"month in words", "7 Tháng Ba, 2026", "2026-03-07", "", vn},
		{"twelfth month in words", "7 tháng mười hai năm 2025", "2025-12-07", "", vn},
		{"fifth month in words", "7 tháng năm năm 2025", "2025-05-07", "", vn},
		{"thg", "7 thg 3, 2026", "2026-03-07", "", vn},
		{"month first in Vietnamese", "Tháng Ba 7, 2026", "2026-03-07", "", vn},
		{"decomposed", norm.NFD.String("Thứ bảy, ngày 7 tháng 3 năm 2026, 3:49 chiều"), "2026-03-07T15:49+07:00", "", vn},
		{"both labels", "Ngày đăng: 07/03/2026 08:00 | Cập nhật: 08/03/2026 09:00", "2026-03-07T08:00+07:00", "07/03/2026 08:00", vn},
		{"number of a document before", "Số 357/2025/NĐ-CP ngày 31/12/2025", "2025-12-31", "31/12/2025", vn},
		{"slash and dash", "Cập nhật: 05/3-2020", "2020-03-05", "", vn},

		// machines
		{"ISO", "2026-03-07T08:06:00+07:00", "2026-03-07T08:06:00+07:00z", "2026-03-07T08:06:00+07:00", Options{}},
		{"ISO without colon", "2026-03-07T08:06:00+0700", "2026-03-07T08:06:00+07:00z", "", Options{}},
		{"ISO short zone", "2026-03-07T08:06:00+07", "2026-03-07T08:06:00+07:00z", "", Options{}},
		{"ISO Z", "2026-03-07T08:06:00Z", "2026-03-07T08:06:00Zz", "", vn},
		{"ISO millis Z", "2026-03-07T08:06:00.000Z", "2026-03-07T08:06:00Zz", "", vn},
		{"ISO no zone", "2026-03-07T08:06:00", "2026-03-07T08:06:00+07:00", "", vn},
		{"ISO west", "2026-03-07T08:06:00-05:00", "2026-03-07T08:06:00-05:00z", "", vn},
		{"blank before the zone", "2015-03-23 08:06 +07:00", "2015-03-23T08:06+07:00z", "", Options{}},
		{"millis and a blank before the zone", "2026-03-07T08:52:00.000 +07:00", "2026-03-07T08:52:00+07:00z", "", Options{}},
		{"compact", "20260307T080600Z", "2026-03-07T08:06:00Zz", "", vn},
		{"compact digits", "20260307080600", "2026-03-07T08:06:00+07:00", "", vn},
		{"compact day", "20260307", "2026-03-07", "", vn},
		{"ISO day", "2026-01-08", "2026-01-08", "", vn},
		{"Go", "2026-03-07 08:06:00.123456 +0000 UTC", "2026-03-07T08:06:00Zz", "", vn},
		{"RFC 1123", "Wed, 26 Jul 2017 19:41:14 +0700", "2017-07-26T19:41:14+07:00z", "", Options{}},
		{"RFC 822", "Sat, 05 Sep 26 17:09:00 +0700", "2026-09-05T17:09:00+07:00z", "", Options{}},
		{"RFC 850", "Saturday, 07-Mar-26 08:06:00 GMT", "2026-03-07T08:06:00Zz", "", vn},
		{"RFC 1123 named", "Sat, 07 Mar 2026 08:06:00 EST", "2026-03-07T08:06:00-05:00z", "", vn},
		{"GMT+7 in a feed", "Sat, 07 Mar 2026 08:06:00 GMT+7", "2026-03-07T08:06:00+07:00z", "", Options{}},
		{"date(1)", "Sat Mar  7 08:06:00 ICT 2026", "2026-03-07T08:06:00+07:00z", "", Options{}},
		{"JavaScript", "Sat Mar 07 2026 08:06:00 GMT+0700 (Indochina Time)", "2026-03-07T08:06:00+07:00z", "", Options{}},
		{"feed month first", "9/5/2026 1:30:00 PM", "2026-09-05T13:30:00Z", "", us},
		{"feed month first, noon that means nothing", "9/5/2026 12:00:00 AM", "2026-09-05", "", us},
		{"noon is a clock", "9/5/2026 12:00:00 PM", "2026-09-05T12:00:00Z", "", us},
		{"seconds of Unix", "1772845560", "2026-03-07T08:06:00+07:00z", "", vn},
		{"milliseconds of Unix", "1772845560123", "2026-03-07T08:06:00+07:00z", "", vn},
		{"seconds of Unix without a zone", "1772845560", "2026-03-07T01:06:00Zz", "", Options{}},
		{".NET", "/Date(1772845560123)/", "2026-03-07T08:06:00+07:00z", "", vn},
		{".NET, slashes escaped", `\/Date(1772845560123)\/`, "2026-03-07T08:06:00+07:00z", "", vn},
		{".NET with an offset", "/Date(1772845560123-0500)/", "2026-03-06T20:06:00-05:00z", "", vn},
		{".NET in UTC", "/Date(1772845560123+0000)/", "2026-03-07T01:06:00Zz", "", vn},
		{".NET before 2001", "/Date(946684800000)/", "2000-01-01T07:00:00+07:00z", "", vn},
		{".NET for never", "/Date(-62135596800000)/", "-", "", vn},

		// order
		{"day first", "1/2/2026", "2026-02-01", "", vn},
		{"month first", "1/2/2026", "2026-01-02", "", us},
		{"only one reading", "1/22/2026", "2026-01-22", "", vn},
		{"only one reading the other way", "22/1/2026", "2026-01-22", "", us},
		{"weekday decides", "Saturday, 3/7/2026", "2026-03-07", "", vn},
		{"the future decides", "3/12/2026", "2026-03-12", "", vn},
		{"dots are day first", "03.07.2026", "2026-07-03", "", us},

		// English
		{"month day", "March 7, 2026", "2026-03-07", "", us},
		{"month day clock", "March 7, 2026 at 8:06 am ET", "2026-03-07T08:06-05:00z", "March 7, 2026 at 8:06 am ET", us},
		{"daylight time", "July 7, 2026 8:06 p.m. ET", "2026-07-07T20:06-04:00z", "", us},
		{"abbreviated with ordinal", "Mar. 7th, 2026", "2026-03-07", "", us},
		{"day month", "Saturday 7 March 2026 15.49 GMT", "2026-03-07T15:49Zz", "", us},
		{"hour only", "7 March 2026, 9pm", "2026-03-07T21:00Z", "", us},
		{"clock first", "10:30 a.m. EST, March 7, 2026", "2026-03-07T10:30-05:00z", "", us},
		{"of", "the 7th of March 2026", "2026-03-07", "", us},
		{"labelled", "Posted on: Mar 7, 2026 | By somebody", "2026-03-07", "Mar 7, 2026", us},
		{"apostrophe", "7 Mar '26", "2026-03-07", "", us},
		{"month alone", "March 2026", "2026-03", "", us},
		{"month in numbers", "03/2026", "2026-03", "", us},
		{"ISO month", "2026-03", "2026-03", "", us},
		{"year alone", "2026", "2026", "", us},

		// the other languages
		{"German", "Datum 25.01.2022", "2022-01-25", "25.01.2022", vn},
		{"German name", "Samstag, 7. März 2026, 20:30 Uhr", "2026-03-07T20:30Z", "", Options{}},
		{"German clock with a dot", "07.03.2026, 20.30 Uhr", "2026-03-07T20:30Z", "", Options{}},
		{"German short year", "Stand: 19.01.18 14:39", "2018-01-19T14:39Z", "", Options{}},
		{"Austrian", "7. Jänner 2026", "2026-01-07", "", Options{}},
		{"French", "Publié le 1er février 2026 à 20h30", "2026-02-01T20:30Z", "1er février 2026 à 20h30", Options{}},
		{"French short", "sam. 7 août 2021 à 8 h 06", "2021-08-07T08:06Z", "", Options{}},
		{"Spanish", "7 de marzo de 2026 a las 20:30", "2026-03-07T20:30Z", "", Options{}},
		{"Spanish del", "sábado, 7 de setiembre del 2019", "2019-09-07", "", Options{}},
		{"Portuguese", "7 de março de 2026 às 20h30", "2026-03-07T20:30Z", "", Options{}},
		{"Catalan", "7 d’abril de 2025", "2025-04-07", "", Options{}},
		{"Italian", "7 Marzo 2026 alle ore 20:30", "2026-03-07T20:30Z", "", Options{}},
		{"Italian short", "Sab, 7 Gen 2026", "2026-01-07", "", Options{}},
		{"Dutch", "zaterdag 7 maart 2026 om 20.30", "2026-03-07T20:30Z", "", Options{}},
		{"Polish", "7 października 2025, 20:30", "2025-10-07T20:30Z", "", Options{}},
		{"Czech", "7. září 2025 v 20:30", "2025-09-07T20:30Z", "", Options{}},
		{"Czech numbers", "7. 3. 2026", "2026-03-07", "", Options{}},
		{"Russian", "7 марта 2026 г., 20:30", "2026-03-07T20:30Z", "", Options{}},
		{"Russian May", "7 мая 2025, 20:30 МСК", "2025-05-07T20:30Z", "", Options{}},
		{"Ukrainian", "7 березня 2026, 20:30", "2026-03-07T20:30Z", "", Options{}},
		{"Bulgarian", "7 юни 2025", "2025-06-07", "", Options{}},
		{"Swedish", "7 mars 2026 kl. 20:30", "2026-03-07T20:30Z", "", Options{}},
		{"Danish", "7. marts 2026 kl. 20.30", "2026-03-07T20:30Z", "", Options{}},
		{"Norwegian", "7. des. 2025 klokken 20:30", "2025-12-07T20:30Z", "", Options{}},
		{"Finnish", "7. maaliskuuta 2026 klo 8.06", "2026-03-07T08:06Z", "", Options{}},
		{"Finnish numbers", "7.3.2026 klo 8.06", "2026-03-07T08:06Z", "", Options{}},
		{"Turkish", "7 Ağustos 2025 20:30", "2025-08-07T20:30Z", "", Options{}},
		{"Turkish capitals", "7 KASIM 2025", "2025-11-07", "", Options{}},
		{"Greek", "7 Μαρτίου 2026, 20:30", "2026-03-07T20:30Z", "", Options{}},
		{"Greek capitals", "7 ΜΑΡΤΙΟΥ 2026", "2026-03-07", "", Options{}},
		{"Romanian", "7 martie 2026, 20:30", "2026-03-07T20:30Z", "", Options{}},
		{"Hungarian", "2026. március 7. 20:30", "2026-03-07T20:30Z", "", Options{}},
		{"Hungarian numbers", "2026.03.07. 20:30", "2026-03-07T20:30Z", "", Options{}},
		{"Indonesian", "Sabtu, 7 Agustus 2021, 20:30 WIB", "2021-08-07T20:30+07:00z", "", Options{}},
		{"Lithuanian", "2026 m. kovo 7 d. 20:30", "2026-03-07T20:30Z", "", Options{}},
		{"Chinese", "2026年3月7日 08:06", "2026-03-07T08:06Z", "2026年3月7日 08:06", Options{}},
		{"Chinese half", "2026年3月7日下午3:49", "2026-03-07T15:49Z", "", Options{}},
		{"Chinese weekday", "2026年3月7日 星期六 08:06", "2026-03-07T08:06Z", "", Options{}},
		{"Japanese", "2026年3月7日(土) 午後3:49", "2026-03-07T15:49Z", "", Options{}},
		{"Korean", "2026년 3월 7일 오후 3:49", "2026-03-07T15:49Z", "", Options{}},
		{"Korean numbers", "2026. 3. 7. 08:06", "2026-03-07T08:06Z", "", Options{}},
		{"Hebrew", "7 במרץ 2026", "2026-03-07", "", Options{}},
		{"Arabic", "7 مارس 2026", "2026-03-07", "", Options{}},
		{"Thai", "7 มีนาคม 2569", "2026-03-07", "", Options{}},

		// no dates
		{"empty", "", "-", "", vn},
		{"span", "Thời hạn: 15/07/2026 - 13/08/2026", "-", "", vn},
		{"span in words", "15/07/2026 đến 13/08/2026", "-", "", vn},
		{"half a span", "15-17/07/2026", "-", "", vn},
		{"relative", "2 giờ trước", "-", "", vn},
		{"relative minutes", "36 phút trước", "-", "", vn},
		{"no year", "Sáng nay – 20/5", "-", "", vn},
		{"no year in words", "ngày 8 tháng 1", "-", "", vn},
		{"clock alone", "14:39", "-", "", vn},
		{"document", "Nghị định 31/12/2025/NĐ-CP", "-", "", vn},
		{"address", "10.1.2.2020.5", "-", "", vn},
		{"no such day", "31/02/2026", "-", "", vn},
		{"no such month", "2026-13-01", "-", "", vn},
		{"not a leap year", "29 February 2025", "-", "", us},
		{"too old", "7/3/1825", "-", "", vn},
		{"after the fetch", "7/3/2027", "-", "", vn},
		{"prose", "Theo đó, từ ngày 07/03/2026 các đơn vị thuộc Bộ phải rà soát toàn bộ thủ tục hành chính đang áp dụng", "-", "", vn},
		{"phone", "024.3824.1234", "-", "", vn},
		{"score", "Won 3-2 2019", "-", "", vn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, ok := Parse(tt.in, tt.o)
			if got := show(d, ok); got != tt.want {
				t.Errorf("Parse(%q) = %s, want %s (text %q)", tt.in, got, tt.want, d.Text)
			}
			if tt.text != "" && d.Text != tt.text {
				t.Errorf("Parse(%q).Text = %q, want %q", tt.in, d.Text, tt.text)
			}
		})
	}
}

func show(d Date, ok bool) string {
	if !ok {
		return "-"
	}
	layout := map[string]string{Year: "2006", Month: "2006-01", Day: "2006-01-02", Minute: "2006-01-02T15:04Z07:00", Second: time.RFC3339}[d.Precision]
	s := d.Time.Format(layout)
	if d.Zoned {
		s += "z"
	}
	return s
}

func TestFind(t *testing.T) {
	o := Options{Zone: hanoi}
	for _, tt := range []struct{ in, want string }{
		{"Thời hạn: 15/07/2026 - 13/08/2026", "2026-07-15 2026-08-13"},
		{"08:06 07/03/2026 một tin 09:00 08/03/2026 hai tin", "2026-03-07T08:06+07:00 2026-03-08T09:00+07:00"},
		{"07/03/2026 08:06 một tin 08/03/2026 09:00 hai tin", "2026-03-07T08:06+07:00 2026-03-08T09:00+07:00"},
		{"Published 7 March 2026 at 08:06, updated March 8, 2026", "2026-03-07T08:06+07:00 2026-03-08"},
		{"A match of 3:2 on 7 March 2026 in hall 12:00", "2026-03-07"},
		{"Nghị định số 357/2025/NĐ-CP ngày 31/12/2025 có hiệu lực từ 1/3/2026.", "2025-12-31 2026-03-01"},
		{"nothing here, not in 2026, nor on 8-3", ""},
	} {
		var got []string
		for _, m := range Find(tt.in, o) {
			got = append(got, show(m.Date, true))
			if fold(tt.in[m.Start:m.End]) != m.Text {
				t.Errorf("Find(%q): offsets %d to %d are not those of %q", tt.in, m.Start, m.End, m.Text)
			}
		}
		if g := strings.Join(got, " "); g != tt.want {
			t.Errorf("Find(%q) = %s, want %s", tt.in, g, tt.want)
		}
	}
}

func TestFindSpans(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want bool
	}{
		{"15/07/2026 - 13/08/2026", true},
		{"30 March 2026, 13:15 – 19:00", true},
		{"30. März 2026, 13:15 bis 19:00 Uhr", true},
		{"30 March 2026, 13:15 – Culture", false},
		{"30 March 2026, 13:15", false},
	} {
		if m := Find(tt.in, Options{}); len(m) == 0 || m[0].Span != tt.want {
			t.Errorf("Find(%q) = %+v, want span: %v", tt.in, m, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"14:39 | 19/01/2018", "Thứ bảy, 7/3/2026, 00:05 (GMT+7)", "Sat Mar  7 08:06:00 ICT 2026", "2026年3月7日下午3:49",
		"1/2/26 - 2/3/26", "Ngày 19 tháng 01 năm 2018", "20260307T080600.123Z", "१२", "7 Mar '26 12:00 AM", "9/5/2026 12:00:00 AM EST",
	} {
		f.Add(s, int64(1_800_000_000), true)
	}
	f.Fuzz(func(t *testing.T, s string, bound int64, monthFirst bool) {
		o := Options{}
		if monthFirst {
			o.Order = MonthFirst
		}
		if bound > 0 && bound < 1<<33 {
			o.NotAfter = time.Unix(bound, 0)
		}
		check := func(d Date) {
			if y := d.Time.Year(); y < 1900 || y > lastYear {
				t.Errorf("%q: year %d", s, y)
			}
			if !o.NotAfter.IsZero() && d.Time.After(o.NotAfter.Add(24*time.Hour)) {
				t.Errorf("%q: %v is after %v", s, d.Time, o.NotAfter)
			}
			if d.Text == "" || !strings.Contains(squeeze(s), squeeze(d.Text)) {
				t.Errorf("%q: text %q is not in it", s, d.Text)
			}
			switch d.Precision {
			case Second, Minute, Day, Month, Year:
			default:
				t.Errorf("%q: precision %q", s, d.Precision)
			}
		}
		if d, ok := Parse(s, o); ok {
			check(d)
		}
		end := 0
		for _, m := range Find(s, o) {
			check(m.Date)
			if m.Start < 0 || m.End > len(s) || m.Start >= m.End {
				t.Errorf("%q: match from %d to %d", s, m.Start, m.End)
			}
			if m.End < end {
				t.Errorf("%q: match ends at %d before the last at %d", s, m.End, end)
			}
			end = m.End
		}
	})
}

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func BenchmarkFind(b *testing.B) {
	s := strings.Repeat("Thứ trưởng cho biết 24 đơn vị đã hoàn thành kế hoạch của năm 2025 trước ngày 31/12/2025. ", 40)
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		Find(s, Options{})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Parse("Thứ bảy, 7/3/2026, 00:05 (GMT+7)", Options{})
	}
}
