"""Places in China: districts with their codes, and street addresses down to the door.

The codes are those of GB/T 2260 (administrative divisions), as python-stdnum's table of resident
identity card numbers lists them. Streets, estates and house numbers are made up.
"""

import re
from dataclasses import dataclass

from clients.examples.dice import Dice
from clients.examples.shapes import Record

# A line a city: code of the city, first four digits of its postal codes, province, city, and its
# districts: last two digits of the code, name, and the year since which the code exists (none: it
# is as old as the standard).
_TABLE = """
1101 1000 北京市 北京市 01东城区 02西城区 05朝阳区 06丰台区 07石景山区 08海淀区
1201 3000 天津市 天津市 01和平区 02河东区 03河西区 04南开区 05河北区 06红桥区
1301 0500 河北省 石家庄市 02长安区1983 04桥西区1983 05新华区1983 07井陉矿区1983 21井陉县1983
1401 0300 山西省 太原市 21清徐县 22阳曲县 23娄烦县 81古交市1989
1501 0100 内蒙古自治区 呼和浩特市 02新城区1983 03回民区1983 04玉泉区1983 21土默特左旗 22托克托县
2101 1100 辽宁省 沈阳市 02和平区1983 03沈河区1983 04大东区1983 05皇姑区1983 06铁西区1983
2102 1160 辽宁省 大连市 02中山区1983 03西岗区1983 04沙河口区1983 11甘井子区1983 12旅顺口区1983
2201 1300 吉林省 长春市 02南关区1983 03宽城区1983 04朝阳区1983 05二道区1995 06绿园区1995
2224 1330 吉林省 延边朝鲜族自治州 01延吉市 02图们市 03敦化市1985 04珲春市1988 05龙井市1988
2301 1500 黑龙江省 哈尔滨市 02道里区1983 03南岗区1983 04道外区1983 08平房区1983 23依兰县1991
3101 2000 上海市 上海市 01黄浦区 04徐汇区 05长宁区 06静安区 07普陀区 09虹口区
3201 2100 江苏省 南京市 02玄武区1983 04秦淮区1983 05建邺区1983 06鼓楼区1983 11浦口区1983
3205 2150 江苏省 苏州市 81常熟市1989 82张家港市1989 83昆山市1989 85太仓市1993
3301 3100 浙江省 杭州市 02上城区1983 05拱墅区1983 06西湖区1983 08滨江区1996 22桐庐县 27淳安县
3302 3150 浙江省 宁波市 03海曙区1983 05江北区1983 06北仑区1987 11镇海区1985 25象山县1983
3303 3250 浙江省 温州市 02鹿城区1984 03龙湾区1984 04瓯海区1992 24永嘉县1981 26平阳县1981
3401 2300 安徽省 合肥市 21长丰县 22肥东县1983 23肥西县1983
3501 3500 福建省 福州市 02鼓楼区1983 03台江区1983 04仓山区1983 05马尾区1983 11晋安区1995 21闽侯县
3502 3610 福建省 厦门市 03思明区1983 06湖里区1987 11集美区1987 12同安区1996
3505 3620 福建省 泉州市 02鲤城区1985 21惠安县1985 24安溪县1985 25永春县1985 26德化县1985
3601 3300 江西省 南昌市 02东湖区1983 03西湖区1983 04青云谱区1983 21南昌县 23安义县1983 24进贤县1983
3701 2500 山东省 济南市 02历下区1983 03市中区1983 04槐荫区1983 05天桥区1983 12历城区1987
3702 2660 山东省 青岛市 02市南区1983 03市北区1983 11黄岛区1983 12崂山区1988 13李沧区1994
4101 4500 河南省 郑州市 02中原区1983 03二七区1983 04管城回族区1983 05金水区1983 06上街区1983
4201 4300 湖北省 武汉市 02江岸区1983 03江汉区1983 04硚口区1983 05汉阳区1983 06武昌区1983
4301 4100 湖南省 长沙市 02芙蓉区1996 03天心区1996 04岳麓区1996 05开福区1996 11雨花区1996 21长沙县
4401 5100 广东省 广州市 03荔湾区1983 04越秀区1983 05海珠区1983 06天河区1985 11白云区1987
4403 5180 广东省 深圳市 03罗湖区1990 04福田区1990 05南山区1990 06宝安区1992 07龙岗区1992
4501 5300 广西壮族自治区 南宁市 02兴宁区1983 05江南区1983
4503 5410 广西壮族自治区 桂林市 02秀峰区1983 03叠彩区1983 04象山区1983 05七星区1983 11雁山区1996
5101 6100 四川省 成都市 04锦江区1990 05青羊区1990 06金牛区1990 07武侯区1990 08成华区1990
5201 5500 贵州省 贵阳市 02南明区1983 03云岩区1983 11花溪区1983 12乌当区1983 13白云区1983
5301 6500 云南省 昆明市 02五华区1983 03盘龙区1983 11官渡区1983 12西山区1983 24富民县 25宜良县1983
5329 6710 云南省 大理白族自治州 01大理市1983 22漾濞彝族自治县1985 23祥云县 24宾川县 25弥渡县
5401 8500 西藏自治区 拉萨市 02城关区1983 21林周县 22当雄县 23尼木县 24曲水县 27墨竹工卡县
6101 7100 陕西省 西安市 02新城区1983 03碑林区1983 04莲湖区1983 11灞桥区1983 12未央区1983
6201 7300 甘肃省 兰州市 02城关区1983 03七里河区1983 04西固区1983 05安宁区1983 11红古区1983 21永登县
6301 8100 青海省 西宁市 02城东区1983 03城中区1983 04城西区1983 05城北区1986 21大通回族土族自治县1985
6401 7500 宁夏回族自治区 银川市 21永宁县 22贺兰县
6501 8300 新疆维吾尔自治区 乌鲁木齐市 02天山区1983 03沙依巴克区1983 04新市区1983 05水磨沟区1983
6531 8440 新疆维吾尔自治区 喀什地区 01喀什市 21疏附县 22疏勒县 23英吉沙县 24泽普县 25莎车县
"""


@dataclass(frozen=True, slots=True)
class District:
    """A district: its six-digit code, since when it exists (year; 0: always), and its place."""

    code: str
    since: int
    name: str
    city: str
    province: str
    postal: str

    @property
    def police(self) -> str:
        """The authority that issues identity cards there."""
        if self.name.endswith("区"):
            return f"{self.city}公安局{self.name[:-1]}分局"
        return f"{self.name}公安局"

    @property
    def market_authority(self) -> str:
        """The authority that issues business licences there."""
        return f"{self.city}{self.name}市场监督管理局"


def _read(table: str) -> tuple[District, ...]:
    districts = []
    for line in table.strip().splitlines():
        city_code, postal, province, city, *entries = line.split()
        for entry in entries:
            match = re.fullmatch(r"(\d\d)(\D+)(\d{4})?", entry)
            if match is None:
                raise ValueError(f"no district: {entry}")
            code, name, since = match.groups()
            district = District(city_code + code, int(since or 0), name, city, province, postal)
            districts.append(district)
    return tuple(districts)


DISTRICTS = _read(_TABLE)
# Codes as old as the standard: whoever was born before a code existed got one of these.
OLD_DISTRICTS = tuple(district for district in DISTRICTS if not district.since)

_STREETS = (
    "人民路 中山路 解放路 建设路 和平街 文化路 新华路 长江路 黄河路 青年路 学府路 滨河路 "
    "朝阳大街 东风路 民主路 工业一路 花园街 友谊路 凤凰路 湖滨路 金桥路 望江路 兴业街 迎宾大道"
).split()
_ESTATES = (
    "阳光花园 锦绣家园 翠湖苑 金色港湾 紫荆小区 桂花园 书香门第 万和城 春江花苑 明珠公寓 "
    "幸福里 梧桐湾 龙泉山庄 康乐新村 丽景苑 白云居"
).split()
_BUILDINGS = "国际大厦 科技园 商务中心 创新大厦 财富广场 产业园 环球中心 写字楼".split()


def _address(dice: Dice, district: District, kind: str, door: str) -> Record:
    return {
        "kind": f"ADDRESS_KIND_{kind}",
        "country": "CN",
        "region": district.province,
        "city": district.city,
        "district": district.name,
        "street": f"{dice.pick(_STREETS)}{dice.between(1, 880)}号{door}",
        "postal_code": f"{district.postal}{dice.below(100):02}",
    }


def home_address(dice: Dice, district: District, kind: str = "RESIDENCE") -> Record:
    """An address of a flat: street, number, estate, house, entrance, door."""
    floor, door = dice.between(1, 32), dice.between(1, 6)
    house = f"{dice.between(1, 40)}幢{dice.between(1, 4)}单元{floor}{door:02}室"
    return _address(dice, district, kind, f"{dice.pick(_ESTATES)}{house}")


def office_address(dice: Dice, district: District, kind: str) -> Record:
    """An address of an office: street, number, building, room."""
    letter = dice.pick(("A", "B", "C"))
    room = f"{letter}座{dice.between(2, 38)}层{dice.between(1, 20):02}室"
    return _address(dice, district, kind, f"{dice.pick(_BUILDINGS)}{room}")


def shop_address(dice: Dice, district: District) -> Record:
    """An address of a shop in the street."""
    return _address(dice, district, "BUSINESS", f"临街商铺{dice.between(1, 30)}号")
