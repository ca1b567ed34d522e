"""Weather."""

from demo_recipe.text.subjects.places import CITIES_EN, CITIES_ZH
from demo_recipe.text.subjects.slots import SLOTS
from demo_recipe.text.templates import Subject, lines, phrases

_SLOTS = SLOTS | {
    "城市": CITIES_ZH,
    "city": CITIES_EN,
    "天气": phrases(
        """
        晴, 晴天, 多云, 阴天, 小雨, 中雨, 大雨, 暴雨, 雷阵雨, 小雪, 大雪, 大风, 台风, 有雾, 雾霾, 沙尘暴, 冰雹,
        阳光明媚
        """
    ),
    "weather": phrases(
        """
        sunny, cloudy, rainy, snowy, windy, foggy, clear, hot, cold, warm, cool, dry
        """
    ),
}  # fmt: skip

WEATHER = Subject(
    {
        "zh": lines(
            """
            {天}| {城市} 天气|的天气 怎么样|好_吗|如何|预报
            {城市} {何时} 会|会_不会|要|可能 下雨|下雪|刮风|打雷|降温 吗|
            {天} {城市} {天气}
            {城市} {天} {天气} 转 {天气}
            最高|最低|平均| 气温|温度 {小数}度|零下{小数}度
            {天} 白天|夜间|早晨|晚上 {天气} 气温 {小数}度 到 {小数}度
            今天 多少度|热不热|冷不冷|几级风
            天气 真|很|太|非常|有点 好|热|冷|凉快|暖和|潮湿|干燥|糟糕
            出门 要_不要 带 伞|雨衣|外套 吗|
            记得|别忘_了 带 伞|雨伞|帽子|口罩
            东风|南风|西风|北风|东南风|西北风|微风 {小数}级
            湿度 {百分}
            空气 质量 优|良|轻度_污染|重度_污染|怎么样|指数_{小数}
            降雨 概率 {百分}
            {城市} 发布 台风|暴雨|高温 黄色|橙色|红色|蓝色 预警
            太阳|月亮|星星|彩虹 出来 了
            外面 正在|还在|又 下雨|下雪|刮风
            """
        ),
        "en": lines(
            """
            what's|what_is|how's|how_is the weather in {city} |{day}
            what's the weather like {day}
            will it rain|snow |in_{city} {when}
            it's|it_is|it_will_be|it_was {weather} |and_{weather} |in_{city} |{day}
            the temperature is {small} degrees |celsius
            the high|low {day} is {small} degrees
            it is raining|snowing |outside|in_{city}
            is it {weather} outside|in_{city}
            do i need an_umbrella|a_coat|a_jacket|a_hat |{day}
            the wind is strong|from_the_north|from_the_south|from_the_east|from_the_west|light
            humidity is {percent}
            there is a_storm|heavy_rain|snow|ice in|near {city}
            the chance of rain|snow is {percent}
            the air|sky is clean|clear|blue|bad {day}
            the sun|moon is bright|out
            sunny|cloudy|rainy with a_chance_of rain|snow
            what a beautiful|nice day
            weather forecast|report for {city}
            """
        ),
    },
    _SLOTS,
)
