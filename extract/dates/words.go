package dates

import (
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldWord writes a word in lower case and without diacritics into buf, so
// that "Tháng", "THÁNG" and the decomposed form are one word. It returns nil
// for words too long to be in any table.
func foldWord(buf *[40]byte, s string) []byte {
	if len(s) > len(buf)-4 {
		return nil
	}
	n := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			buf[n] = c
			n++
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if 0x300 <= r && r <= 0x36F || 0x653 <= r && r <= 0x655 {
			i += size
			continue
		}
		switch r {
		case 'đ', 'Đ', 'ð':
			r = 'd'
		case 'ł', 'Ł':
			r = 'l'
		case 'ø', 'Ø':
			r = 'o'
		case 'ı':
			r = 'i'
		default:
			if d := norm.NFD.PropertiesString(s[i:]).Decomposition(); len(d) > 0 && d[0] < 0xE1 {
				r, _ = utf8.DecodeRune(d)
			}
			r = lower(r)
		}
		if n+utf8.RuneLen(r) > len(buf) {
			return nil
		}
		n += utf8.EncodeRune(buf[n:], r)
		i += size
	}
	return buf[:n]
}

// lower is unicode.ToLower for the alphabets that have months in the tables.
func lower(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z', 0x391 <= r && r <= 0x3A9, 0x410 <= r && r <= 0x42F:
		return r + 32
	case 0x400 <= r && r <= 0x40F:
		return r + 80
	case r == 'ς':
		return 'σ'
	}
	return r
}

// table maps folded words to numbers. Each line begins with the number.
func table(lines string) map[string]int8 {
	m := make(map[string]int8)
	var buf [40]byte
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		f := strings.Fields(line)
		n := 0
		for _, c := range f[0] {
			n = n*10 + int(c-'0')
		}
		for _, w := range f[1:] {
			if b := foldWord(&buf, w); b != nil {
				m[string(b)] = int8(n)
			}
		}
	}
	return m
}

func (p *parser) lookup(m map[string]int8, i int) (int, bool) {
	if i < 0 || i >= len(p.t) || p.t[i].kind != word {
		return 0, false
	}
	var buf [40]byte
	b := foldWord(&buf, p.s[p.t[i].start:p.t[i].end])
	if b == nil {
		return 0, false
	}
	n, ok := m[string(b)]
	return int(n), ok
}

// months has the names of the months in nominative, genitive and short forms.
// Where two languages disagree the larger press wins: listopad is November
// (Czech, Polish, Ukrainian), not October (Croatian).
var months = table(`
1 january jan januar jän jänner janvier janv jan enero ene janeiro gennaio gen januari styczeń stycznia sty leden ledna led január januára januar januára január tammikuu tammikuuta tammi ocak oca ιανουάριος ιανουαρίου ιαν января январь янв січень січня січ ianuarie ian январи януари јануар siječanj siječnja sausio sausis janvāris janvārī janv jaanuar gener janúar студзеня जनवरी يناير ינואר בינואר มกราคม
2 february feb febr februar feber février fevrier févr fév fevr febrero fevereiro fev febbraio februari luty lutego lut únor února úno február februára helmikuu helmikuuta helmi şubat şub φεβρουάριος φεβρουαρίου φεβ февраля февраль фев февр лютий лютого лют februarie февруари фебруар veljača veljače vasario vasaris februāris februārī veebruar febrer febrúar лютага फरवरी فبراير פברואר בפברואר กุมภาพันธ์
3 march mar mär mrz märz maerz mars marzo março marco maart mrt marts marzec marca březen března bře marec maaliskuu maaliskuuta maalis mart μάρτιος μαρτίου μαρ марта март мар березень березня бер martie март ožujak ožujka kovo kovas marts martā märts març maret mac сакавіка मार्च مارس מרץ במרץ มีนาคม március márc
4 april apr avril avr abril abr aprile kwiecień kwietnia kwi duben dubna dub apríl apríla huhtikuu huhtikuuta huhti nisan nis απρίλιος απριλίου απρ апреля апрель апр квітень квітня квіт aprilie април travanj travnja balandžio balandis aprīlis aprīlī aprill красавіка अप्रैल أبريل ابريل إبريل אפריל באפריל เมษายน április ápr
5 may mai mayo maio maggio mag mei maj maja květen května kvě máj mája toukokuu toukokuuta touko mayıs μάιος μαΐου μαΐ μάι мая май травень травня трав мај svibanj svibnja gegužės gegužė maijs maijā maig maí траўня मई مايو מאי במאי พฤษภาคม május
6 june jun juin junio junho giugno giu juni czerwiec czerwca cze červen června jún júna kesäkuu kesäkuuta kesä haziran haz ιούνιος ιουνίου ιουν июня июнь июн червень червня черв iunie iun юни јун lipanj lipnja birželio birželis jūnijs jūnijā juuni juny júní чэрвеня जून يونيو יוני ביוני มิถุนายน június jún junij
7 july jul juillet juil julio julho luglio lug juli lipiec lipca lip červenec července júl júla heinäkuu heinäkuuta heinä temmuz tem ιούλιος ιουλίου ιουλ июля июль июл липень липня лип iulie iul юли јул srpanj srpnja liepos liepa jūlijs jūlijā juuli juliol júlí julai ліпеня जुलाई يوليو יולי ביולי กรกฎาคม július júl julij
8 august aug août aout agosto ago augustus sierpień sierpnia sie srpen srpna srp augusti augusta elokuu elokuuta elo ağustos ağu αύγουστος αυγούστου αυγ августа август авг серпень серпня серп avgust август kolovoz kolovoza rugpjūčio rugpjūtis augusts augustā agost ágúst agustus agu agt ogos жніўня अगस्त أغسطس אוגוסט באוגוסט สิงหาคม augusztus avgusta
9 september sept sep septembre septiembre setiembre setembro set settembre wrzesień września wrz září zář septembra syyskuu syyskuuta syys eylül eyl σεπτέμβριος σεπτεμβρίου σεπ σεπτ сентября сентябрь сен сент вересень вересня вер septembrie септември септембар septembar rujan rujna rugsėjo rugsėjis septembris septembrī setembre верасня सितंबर सितम्बर سبتمبر ספטמבר בספטמבר กันยายน szeptember szept
10 october oct okt oktober octobre octubre outubro out ottobre ott październik października paź říjen října říj október októbra lokakuu lokakuuta loka ekim eki οκτώβριος οκτωβρίου οκτ октября октябрь окт жовтень жовтня жовт octombrie октомври октобар oktobar spalio spalis oktobris oktobrī oktoober кастрычніка अक्टूबर أكتوبر אוקטובר באוקטובר ตุลาคม oktobra
11 november nov novembre noviembre novembro listopad listopada lis listopadu novembra marraskuu marraskuuta marras kasım kas νοέμβριος νοεμβρίου νοε ноября ноябрь ноя нояб листопад листопада лист noiembrie ноември новембар novembar studeni studenoga lapkričio lapkritis novembris novembrī nóvember лістапада नवंबर नवम्बर نوفمبر נובמבר בנובמבר พฤศจิกายน
12 december dec dez dezember décembre déc decembre diciembre dic dezembro dicembre grudzień grudnia gru prosinec prosince pro decembra joulukuu joulukuuta joulu aralık ara δεκέμβριος δεκεμβρίου δεκ декабря декабрь дек грудень грудня груд decembrie декември децембар decembar prosinac prosinca gruodžio gruodis decembris decembrī detsember desembre desember des disember снежня दिसंबर ديسمبر דצמבר בדצמבר ธันวาคม
`)

// vietnamese has the months behind "tháng" when they are written in words;
// năm is read apart, since it also means year.
var vietnamese = table(`
1 một giêng
2 hai
3 ba
4 tư bốn
6 sáu
7 bảy bẩy
8 tám
9 chín
10 mười
12 chạp
`)

// weekdays counts from 0 for Sunday; 7 is a word that belongs to a weekday but
// does not name it alone, such as "thứ" and "feira".
var weekdays = table(`
0 sunday sun sonntag so dimanche dim domingo dom domenica zondag zo niedziela niedz ndz neděle nedeľa sunnuntai su pazar κυριακή воскресенье вс неділя duminică vasárnap minggu söndag søndag sön søn ahad
1 monday mon montag mo lundi lun lunes lunedì maandag ma poniedziałek pon pondělí pondelok maanantai pazartesi δευτέρα понедельник пн понеділок luni hétfő senin måndag mandag mån man
2 tuesday tue tues dienstag di mardi martes mar martedì dinsdag wtorek wt úterý utorok tiistai salı τρίτη вторник вт вівторок marți kedd selasa tisdag tirsdag tis tir
3 wednesday wed mittwoch mi mercredi mer miércoles mié quarta mercoledì woensdag wo środa śr středa streda keskiviikko çarşamba τετάρτη среда ср середа miercuri szerda rabu onsdag ons
4 thursday thu thur thurs donnerstag do jeudi jeu jueves jue quinta giovedì gio donderdag czwartek czw čtvrtek štvrtok torstai perşembe πέμπτη четверг чт четвер joi csütörtök kamis torsdag tor
5 friday fri freitag fr vendredi ven viernes vie sexta venerdì vrijdag vr piątek pt pátek piatok perjantai cuma παρασκευή пятница пт пятниця vineri péntek jumat fredag fre
6 saturday sat samstag sonnabend sa samedi sam sábado sáb sab sabato zaterdag za sobota sob lauantai cumartesi σάββατο суббота сб субота sâmbătă szombat sabtu lördag lørdag lör lør
7 segunda terça feira thứ chủ nhật 日 月 火 水 木 金 土 曜 星 期 周 一 二 三 四 五 六 월요일 화요일 수요일 목요일 금요일 토요일 일요일 월 화 수 목 금 토 일
`)

// connectors may stand between a day and its clock.
var connectors = table(`
1 at on v klokken um à a as às las los la le les les alle ore ora o os om kl klo kello dne w dnia godz g r năm lúc vào ngày giờ of the t в во от об о г р ч у γ в saat saati pukul jam pada time uhrzeit uhr ab am hora horas hrs hr h lunes de del den der d dal il el em το στις ώρα ca og och ja und et and y e i jm м m un alla
`)

// half-days behind a clock: 1 before noon, 2 after it, 3 round noon, 4 night.
var halves = table(`
1 am sa sáng πμ पूर्वाह्न
2 pm ch chiều tối μμ अपराह्न
3 trưa
4 đêm
`)

// The parts of Vietnamese dates and clocks, the units of clocks, the words of spans.
var (
	thang    = table("1 tháng thg th")
	nam      = table("1 năm")
	hours    = table("1 h g giờ uhr u ч год hs hrs hours heures óra hod")
	minutes  = table("1 phút ph min mn p м хв mins minutes m perc")
	dotted   = table("1 uhr klo kl ore kello klokken pukul jam wib wita wit godz alle óra hod")
	ofWords  = table("1 de of di d del dels den do da the 'de г год року gada m")
	ordinals = table("1 st nd rd th er re e o a º ª º. ª. den ter i")
	until    = table("1 to until till bis au al до do đến tới ate até tot til till till t/m → through through and và und hasta às")
)

// zones are the names that feeds and papers print, in minutes east of UTC.
// EST is read as North American, IST as Indian, CST as American.
var zones = map[string]int{
	"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "UT": 0,
	"WEST": 60, "BST": 60, "CET": 60, "MEZ": 60, "WAT": 60, "CEST": 120, "MESZ": 120, "EET": 120, "SAST": 120, "CAT": 120,
	"EEST": 180, "MSK": 180, "EAT": 180, "TRT": 180, "AST": -240, "ADT": -180,
	"PKT": 300, "IST": 330, "ICT": 420, "WIB": 420, "WITA": 480, "SGT": 480, "HKT": 480, "PHT": 480, "AWST": 480,
	"JST": 540, "KST": 540, "WIT": 540, "ACST": 570, "AEST": 600, "ACDT": 630, "AEDT": 660, "NZST": 720, "NZDT": 780,
	"EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
	"AKST": -540, "AKDT": -480, "HST": -600, "BRT": -180, "ART": -180,
}

// american names zones that mean standard or daylight time, whichever is kept
// on the day, in hours of standard time.
var american = map[string]int{"ET": -5, "CT": -6, "MT": -7, "PT": -8}

// americanZone returns the zone kept on a day: daylight time from the second
// Sunday of March to the first of November.
func americanZone(hours int) func(y, m, d int) *time.Location {
	return func(y, m, d int) *time.Location {
		t := time.Date(y, time.Month(m), d, 12, 0, 0, 0, time.UTC)
		start := time.Date(y, time.March, 8, 0, 0, 0, 0, time.UTC)
		for start.Weekday() != time.Sunday {
			start = start.AddDate(0, 0, 1)
		}
		end := time.Date(y, time.November, 1, 0, 0, 0, 0, time.UTC)
		for end.Weekday() != time.Sunday {
			end = end.AddDate(0, 0, 1)
		}
		h := hours
		if !t.Before(start) && t.Before(end) {
			h++
		}
		return time.FixedZone("", h*3600)
	}
}
