"""Cities of China and of the world, ways to them, travel and transport."""

from demo_recipe.text.subjects.slots import SLOTS
from demo_recipe.text.templates import Subject, lines, phrases

CHINA_ZH = phrases(
    """
    北京, 上海, 广州, 深圳, 成都, 重庆, 天津, 武汉, 西安, 杭州, 南京, 苏州, 郑州, 长沙, 东莞, 沈阳, 青岛, 宁波,
    佛山, 济南, 合肥, 哈尔滨, 昆明, 大连, 长春, 厦门, 福州, 石家庄, 南宁, 太原, 贵阳, 无锡, 温州, 泉州, 南昌,
    常州, 徐州, 烟台, 惠州, 珠海, 中山, 兰州, 乌鲁木齐, 嘉兴, 金华, 绍兴, 潍坊, 南通, 海口, 呼和浩特, 银川,
    西宁, 拉萨, 香港, 澳门, 台北
    """
)
WORLD_ZH = phrases(
    """
    纽约, 伦敦, 巴黎, 东京, 洛杉矶, 芝加哥, 旧金山, 华盛顿, 波士顿, 西雅图, 多伦多, 温哥华, 墨西哥城,
    里约热内卢, 圣保罗, 马德里, 巴塞罗那, 罗马, 米兰, 威尼斯, 柏林, 慕尼黑, 法兰克福, 维也纳, 布拉格,
    阿姆斯特丹, 布鲁塞尔, 日内瓦, 莫斯科, 圣彼得堡, 伊斯坦布尔, 雅典, 开罗, 迪拜, 孟买, 新德里, 曼谷, 吉隆坡,
    新加坡, 雅加达, 马尼拉, 河内, 首尔, 大阪, 京都, 悉尼, 墨尔本, 斯德哥尔摩, 哥本哈根, 赫尔辛基, 都柏林, 里斯本
    """
)
CHINA_EN = phrases(
    """
    beijing, shanghai, guangzhou, shenzhen, chengdu, chongqing, wuhan, hangzhou, nanjing, hong kong, macau,
    taipei
    """
)
WORLD_EN = phrases(
    """
    new york, london, paris, tokyo, los angeles, chicago, san francisco, washington, boston, seattle, toronto,
    vancouver, mexico city, rio de janeiro, sao paulo, madrid, barcelona, rome, milan, venice, berlin, munich,
    frankfurt, vienna, prague, amsterdam, brussels, geneva, moscow, saint petersburg, istanbul, athens, cairo,
    dubai, mumbai, delhi, bangkok, kuala lumpur, singapore, jakarta, manila, hanoi, seoul, osaka, kyoto, sydney,
    melbourne, stockholm, copenhagen, helsinki, dublin, lisbon
    """
)
CITIES_ZH = CHINA_ZH + WORLD_ZH
CITIES_EN = CHINA_EN + WORLD_EN

_SLOTS = SLOTS | {
    "城市": CITIES_ZH,
    "city": CITIES_EN,
    "地方": phrases(
        """
        机场, 火车站, 地铁站, 公交站, 医院, 学校, 银行, 超市, 公园, 酒店, 餐厅, 厕所, 洗手间, 图书馆, 博物馆,
        电影院, 加油站, 停车场, 公司, 邮局, 药店, 大学, 广场, 商店, 海边, 派出所
        """
    ),
    "乘": phrases("飞机, 火车, 高铁, 地铁, 公交车, 出租车, 船, 汽车, 自行车"),
    "国": phrases(
        """
        中国, 美国, 英国, 法国, 德国, 俄罗斯, 日本, 韩国, 印度, 意大利, 西班牙, 加拿大, 澳大利亚, 巴西, 泰国
        """
    ),
    "place": phrases(
        """
        the airport, the train station, the subway station, the bus stop, the hospital, school, the bank,
        the supermarket, the park, the hotel, the restaurant, the bathroom, the gas station,
        the office, the post office, the university, the beach, the police station, the store, the bridge
        """
    ),
    "ride": phrases("train, plane, bus, taxi, car, subway, bike"),
    "country": phrases(
        "china, america, england, france, germany, russia, japan, korea, india, italy, spain, canada"
    ),
}  # fmt: skip

PLACES = Subject(
    {
        "zh": lines(
            """
            {城市}
            {城市} {城市} {城市}
            从 {城市} 到|飞往|去|开往 {城市}
            导航|带我 到|去 {城市}|{地方}
            我 想|要|打算 去 {城市} 旅游|旅行|出差|玩|
            我 {何时} 到|去|离开 {城市}
            {人} 在|住_在|来_自 {城市}|{国}
            怎么 去|到 {城市}|{地方}
            请问 {地方} 在 哪里|哪儿
            请问 最近 的 {地方} 怎么_走|有_多_远
            附近 有_没_有|哪里_有 {地方}
            离|距离 {城市}|{地方} 还有 {数}公里|{小数}米|多远
            预订|订|查询|取消 {何时} 从 {城市} 到 {城市} 的 机票|火车票|航班|高铁
            坐 {乘} 去 {城市}|{地方} 要 {时长}
            打 一辆 车|出租车 去 {地方}
            飞往|前往 {城市} 的 航班|列车 {时间} 起飞|出发|到达|晚点
            第{小数}号 登机口|站台|车厢
            前方 {小数}百米 左转|右转|直行|掉头
            向|往 东|南|西|北|前|后|左|右 走|转|开 {小数}米|
            到 第{小数}个 路口|红绿灯|街道 左转|右转
            下一站|终点站 是|到_了 {城市}|{地方}
            欢迎 来 到 {城市}|{国}
            {城市} 是 {国} 的 首都|城市|港口
            {城市} 有 {数} 人
            帮我 订|预订 {几}间|一间 {城市} 的 酒店|房间|双人间|单人间
            前面 堵车|修路 了 请 换|绕行 一条_路|
            我 迷路 了
            护照|行李|身份证|签证 在 哪里|哪儿|{地方}
            """
        ),
        "en": lines(
            """
            {city}
            {city} {city} {city}
            from {city} to {city}
            take_me|drive|go to {city}|{place}
            i_want_to|i'd_like_to go|travel|fly|drive to {city} {when}
            {person} lives_in|is_in|comes_from|works_in|went_to {city}|{country}
            how do|can i|we get to {place}|{city}
            where_is|where's {place}
            the nearest|is_there_a hotel|restaurant|bank|hospital|supermarket |near_here
            how far is_it_to|is {city}|{place} |from_here
            book|find|cancel a_flight|a_ticket|a_train from {city} to {city} {when}
            book a room|hotel in {city} for {small} nights|people|days
            the {ride} to {city} leaves|arrives at {time}
            {duration} by {ride}
            take the {ride} to {place}
            call a|get_me_a taxi to {place}
            turn|go left|right|back |now|at_the_traffic_light
            go straight for {number} meters|miles|kilometers
            in {small} hundred meters|feet turn|keep left|right
            go|turn|move north|south|east|west|up|down|forward|backward
            cross the street|bridge|road
            the next|last stop is {place}|{city}
            gate|platform|room {small}
            welcome to {city}|{country}
            {city} is the capital of|a_big_city_in|far_from|close_to {country}
            there is a_lot_of|heavy traffic on|near the road|bridge
            i_am|i'm lost|here|on_the_way|at_home|at_{place}
            where_is|i_lost my passport|key|phone
            have_a|enjoy_your good|nice trip|flight
            """
        ),
    },
    _SLOTS,
)
