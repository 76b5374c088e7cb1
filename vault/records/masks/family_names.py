"""Chinese family names of two characters (复姓) in use, simplified and traditional.

Common knowledge, as the Hundred Family Names (百家姓) and the household registers have them. Left
out are those that begin with a frequent single family name (段干, 左丘, 张简), where the second
character would more often be the first of a given name.
"""

COMPOUND = frozenset(
    "欧阳 歐陽 太史 端木 上官 司马 司馬 东方 東方 独孤 獨孤 南宫 南宮 万俟 闻人 "
    "聞人 夏侯 诸葛 諸葛 尉迟 尉遲 公羊 赫连 赫連 澹台 澹臺 皇甫 宗政 濮阳 濮陽 "
    "公冶 太叔 申屠 公孙 公孫 慕容 仲孙 仲孫 钟离 鍾離 长孙 長孫 宇文 司徒 鲜于 "
    "鮮于 司空 闾丘 閭丘 子车 子車 亓官 司寇 巫马 巫馬 公西 颛孙 顓孫 壤驷 壤駟 "
    "公良 漆雕 宰父 谷梁 穀梁 拓跋 夹谷 夾谷 轩辕 軒轅 令狐 百里 呼延 东郭 東郭 "
    "南门 南門 羊舌 微生 公户 公戶 公玉 公仪 公儀 公仲 公上 公门 公門 公山 公坚 "
    "公堅 公伯 西门 西門 公祖 第五 公乘 贯丘 貫丘 公皙 南荣 南榮 东里 東里 东宫 "
    "東宮 仲长 仲長 子书 子書 子桑 即墨 达奚 達奚 褚师 褚師 纳兰 納蘭 完颜 完顏".split()
)


def family_name(name: str) -> str:
    """The family name in front of a name that is written in Chinese characters."""
    return name[: 2 if len(name) > 2 and name[:2] in COMPOUND else 1]
