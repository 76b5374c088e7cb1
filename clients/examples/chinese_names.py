"""Chinese names as people have them, each with its Latin form (GB/T 28039 for Han names).

Han names with one and two characters, compound family names, rare characters (some beyond the
Basic Multilingual Plane), names of other nationalities with the middle dot, Tibetan names without
a family name, and traditional characters of Hong Kong.
"""

from dataclasses import dataclass

from clients.examples.dice import Dice


@dataclass(frozen=True, slots=True)
class PersonName:
    """A name as the document states it, and its Latin parts; a name may have one part only."""

    full: str
    family: str
    given: str

    @property
    def latin(self) -> str:
        """The Latin form, family name first."""
        return f"{self.family} {self.given}".strip()


def _pairs(table: str) -> tuple[tuple[str, str], ...]:
    """Reads `字pinyin 字pinyin ...`."""
    pairs = []
    for word in table.split():
        cut = next(index for index, character in enumerate(word) if character.isascii())
        pairs.append((word[:cut], word[cut:]))
    return tuple(pairs)


_FAMILY = _pairs(
    "王Wang 李Li 张Zhang 刘Liu 陈Chen 杨Yang 黄Huang 赵Zhao 吴Wu 周Zhou 徐Xu 孙Sun 马Ma 朱Zhu 胡Hu "
    "郭Guo 何He 林Lin 罗Luo 高Gao 郑Zheng 梁Liang 谢Xie 宋Song 唐Tang 许Xu 韩Han 冯Feng 邓Deng "
    "曹Cao "
    "彭Peng 曾Zeng 肖Xiao 田Tian 董Dong 袁Yuan 潘Pan 于Yu 蒋Jiang 蔡Cai 余Yu 杜Du 叶Ye 程Cheng "
    "苏Su "
    "魏Wei 吕Lyu 丁Ding 任Ren 沈Shen 姚Yao 卢Lu 姜Jiang 崔Cui 钟Zhong 谭Tan 陆Lu 汪Wang 范Fan "
    "金Jin "
    "石Shi 廖Liao 贾Jia 夏Xia 韦Wei 付Fu 方Fang 白Bai 邹Zou 孟Meng 熊Xiong 秦Qin 邱Qiu 江Jiang "
    "尹Yin "
    "薛Xue 闫Yan 段Duan 雷Lei 侯Hou 龙Long 史Shi 陶Tao 黎Li 贺He 顾Gu 毛Mao 郝Hao 龚Gong 邵Shao "
    "单Shan 仇Qiu 解Xie 区Ou 查Zha 盖Ge 逄Pang 亓Qi 乜Nie 禚Zhuo"
)
_COMPOUND = _pairs(
    "欧阳Ouyang 司马Sima 上官Shangguan 诸葛Zhuge 司徒Situ 皇甫Huangfu 令狐Linghu 慕容Murong "
    "尉迟Yuchi "
    "夏侯Xiahou 公孙Gongsun 轩辕Xuanyuan 长孙Zhangsun 宇文Yuwen 端木Duanmu 东方Dongfang"
)
_FEMALE = _pairs(
    "芳fang 娜na 敏min 静jing 丽li 艳yan 娟juan 霞xia 燕yan 玲ling 桂gui 英ying 梅mei 兰lan 雪xue "
    "琳lin "
    "晶jing 婷ting 雅ya 倩qian 颖ying 洁jie 欣xin 怡yi 梦meng 琪qi 诗shi 涵han 萱xuan 妍yan 佳jia "
    "慧hui "
    "秀xiu 珍zhen 红hong 云yun 莉li 蓉rong 薇wei 菲fei 岚lan 露lu 瑶yao 蕾lei 淑shu 凤feng 春chun "
    "月yue"
)
_MALE = _pairs(
    "伟wei 强qiang 磊lei 洋yang 勇yong 军jun 杰jie 涛tao 明ming 超chao 刚gang 平ping 辉hui 鹏peng "
    "华hua "
    "飞fei 鑫xin 波bo 斌bin 宇yu 浩hao 凯kai 健jian 俊jun 帆fan 帅shuai 旭xu 宁ning 龙long 林lin "
    "建jian "
    "国guo 文wen 志zhi 海hai 东dong 立li 新xin 天tian 博bo 思si 远yuan 泽ze 瑞rui 晨chen 子zi "
    "轩xuan 睿rui"
)
_RARE = _pairs(
    "龘da 犇ben 喆zhe 堃kun 淼miao 翀chong 玥yue 𬀩wei 𬭎hong 𬬻lu 𣲗wu 㛃jie 䶮yan 昇sheng"
)
# Given name and father's name, Uyghur and Kazakh.
_DOTTED_MALE = (
    ("买买提", "Maimaiti"), ("艾力", "Aili"),
    ("阿不都热西提", "Abudurexiti"), ("吐尔逊", "Tuerxun"),
    ("努尔兰", "Nuerlan"), ("叶尔肯", "Yeerken"),
    ("阿卜杜热合曼", "Abudureheman"), ("库尔班", "Kuerban"),
    ("玉素甫", "Yusufu"), ("哈力克", "Halike"),
    ("买买提依明", "Maimaitiyiming"), ("沙依兰", "Shayilan"),
)  # fmt: skip
_DOTTED_FEMALE = (
    ("阿依古丽", "Ayiguli"), ("古丽娜尔", "Gulinaer"),
    ("热孜亚", "Reziya"), ("米日古丽", "Miriguli"),
    ("帕提古丽", "Patiguli"), ("阿娜尔罕", "Anaerhan"),
    ("迪丽努尔", "Dilinuer"), ("再娜甫", "Zainafu"),
)  # fmt: skip
_TIBETAN = _pairs(
    "扎西Zhaxi 多吉Duoji 央金Yangjin 卓玛Zhuoma 次仁Ciren 旺堆Wangdui 平措Pingcuo 德吉Deji "
    "拉姆Lamu "
    "格桑Gesang 尼玛Nima 达娃Dawa 普布Pubu 边巴Bianba 罗布Luobu 白玛Baima"
)
_MONGOLIAN = _pairs(
    "巴特尔Bateer 乌云其木格Wuyunqimuge 阿拉坦乌拉Alatanwula 苏日娜Surina 孟和吉雅Menghejiya "
    "萨仁高娃Sarengaowa 布仁巴雅尔Burenbayaer 娜仁托娅Narentuoya"
)
_HONG_KONG = (
    ("陳", "Chan"), ("黃", "Wong"), ("李", "Lee"), ("張", "Cheung"), ("梁", "Leung"), ("吳", "Ng"),
    ("劉", "Lau"), ("楊", "Yeung"), ("鄭", "Cheng"), ("歐陽", "Au Yeung"),
)  # fmt: skip
_HONG_KONG_GIVEN = (
    ("大文", "Tai Man"), ("家輝", "Ka Fai"),
    ("美儀", "Mei Yee"), ("志強", "Chi Keung"), ("詠詩", "Wing Sze"),
    ("國榮", "Kwok Wing"), ("慧嫻", "Wai Han"),
    ("子軒", "Tsz Hin"), ("嘉欣", "Ka Yan"), ("俊傑", "Chun Kit"),
)  # fmt: skip


def han_name(dice: Dice, female: bool) -> PersonName:
    """A Han name."""
    family, family_latin = dice.pick(_COMPOUND if dice.chance(0.03) else _FAMILY)
    pool = _FEMALE if female else _MALE
    given, given_latin = dice.pick(_RARE if dice.chance(0.02) else pool)
    if dice.chance(0.78):
        second, second_latin = dice.pick(pool)
        given, given_latin = given + second, given_latin + second_latin
    return PersonName(family + given, family_latin, given_latin.capitalize())


def dotted_name(dice: Dice, female: bool) -> PersonName:
    """A Uyghur or Kazakh name: own name, father's name and sometimes his father's."""
    own = dice.pick(_DOTTED_FEMALE if female else _DOTTED_MALE)
    fathers = [dice.pick(_DOTTED_MALE) for _ in range(2 if dice.chance(0.12) else 1)]
    full = "·".join(name for name, _ in (own, *fathers))
    return PersonName(full, own[1], " ".join(latin for _, latin in fathers))


def single_name(dice: Dice) -> PersonName:
    """A Tibetan or Mongolian name, without a family name."""
    if dice.chance(0.4):
        full, latin = dice.pick(_MONGOLIAN)
        return PersonName(full, latin, "")
    (first, first_latin), (second, second_latin) = dice.pick(_TIBETAN), dice.pick(_TIBETAN)
    return PersonName(first + second, first_latin + second_latin.lower(), "")


def chinese_name(dice: Dice, female: bool) -> PersonName:
    """A name of a citizen of the mainland, as often as such names are, roughly."""
    roll = dice.below(100)
    if roll < 92:
        return han_name(dice, female)
    if roll < 96:
        return dotted_name(dice, female)
    return single_name(dice)


def hong_kong_name(dice: Dice) -> PersonName:
    """A name of a resident of Hong Kong, in traditional characters and Cantonese letters."""
    (family, family_latin), (given, given_latin) = (
        dice.pick(_HONG_KONG),
        dice.pick(_HONG_KONG_GIVEN),
    )
    return PersonName(family + given, family_latin, given_latin)


# Shapes that must be among the customers of any size of sample: female or not, and the name.
NOTABLE: tuple[tuple[bool, PersonName], ...] = (
    (True, PersonName("欧阳雪", "Ouyang", "Xue")),
    (False, PersonName("司马远", "Sima", "Yuan")),
    (False, PersonName("买买提·艾力", "Maimaiti", "Aili")),
    (False, PersonName("丁一", "Ding", "Yi")),
    (True, PersonName("阿依古丽·阿不都热西提·买买提依明", "Ayiguli", "Abudurexiti Maimaitiyiming")),
    (False, PersonName("扎西多吉", "Zhaxiduoji", "")),
    (True, PersonName("乌云其木格", "Wuyunqimuge", "")),
    (False, PersonName("邹𬭎", "Zou", "Hong")),
    (True, PersonName("范𬀩玥", "Fan", "Weiyue")),
    (True, PersonName("诸葛梦瑶", "Zhuge", "Mengyao")),
    (False, PersonName("吕犇", "Lyu", "Ben")),
)
