"""Money: prices, payment, accounts, shopping and orders in a restaurant."""

from demo_recipe.text.subjects.slots import SLOTS
from demo_recipe.text.templates import Subject, lines, phrases

_SLOTS = SLOTS | {
    "商品": phrases(
        """
        苹果, 牛奶, 面包, 鸡蛋, 大米, 西瓜, 香蕉, 葡萄, 牛肉, 猪肉, 鱼, 青菜, 衣服, 裤子, 鞋子, 帽子, 书包,
        手表, 眼镜, 电脑, 手机, 自行车, 雨伞, 杯子, 桌子, 椅子, 门票, 机票, 火车票
        """
    ),
    "饭": phrases(
        """
        咖啡, 茶, 绿茶, 果汁, 啤酒, 可乐, 米饭, 面条, 饺子, 包子, 汉堡, 披萨, 沙拉, 蛋糕, 热水, 冰水, 火锅,
        烤鸭, 红烧肉, 鸡汤, 豆腐
        """
    ),
    "item": phrases(
        """
        apples, milk, bread, eggs, rice, bananas, chicken, fish, a shirt, shoes, a hat, a bag, a watch,
        a computer, a phone, an umbrella, a cup, a table, a chair, the ticket, this book
        """
    ),
    "food": phrases(
        """
        coffee, tea, green tea, orange juice, beer, water, noodles, soup, pizza, salad, cake, rice, breakfast,
        lunch, dinner, chocolate
        """
    ),
}  # fmt: skip

MONEY = Subject(
    {
        "zh": lines(
            """
            {钱}
            {商品} 多少钱|怎么卖|贵_不_贵
            这个|那个|一个|一共|总共|每个|每月|每天 {钱}
            {商品} 的 价格|原价 是 {钱}
            一斤|两斤|三斤|半斤 {商品} {钱}
            太贵_了|太便宜_了 能 便宜|打折|优惠 一点|一些|{几}块 吗
            打 八折|九折|七五折|五折
            请 转账|付款|支付|充值|退款 {钱}
            我 要|想 买|退|换 {几}个 {商品}
            您的 余额|账单|工资|房租|奖金|学费|水费 是 {钱}
            {人} 借|欠|给|还 了 我 {钱}
            今天 美元|欧元|英镑|日元 的 汇率 是 {分数}
            股票|基金|房价|油价|利率 上涨|下跌 了 {百分}
            收|找 您 {钱}
            刷卡|现金|扫码|微信|支付宝 付款|支付|可以 吗
            服务员 来 {几} 杯|份|碗|瓶|盘 {饭}
            我 想 喝|吃|点|尝尝 {饭}
            请 给 我 一杯|两杯|一份|一碗|一瓶 {饭} 谢谢
            买单|结账|打包 谢谢
            不要|少放 辣|糖|盐|冰|香菜|葱
            我 喜欢|爱|不_喜欢 吃|喝 {饭}
            """
        ),
        "en": lines(
            """
            {money}
            how_much is|are {item}|{food}
            it costs|it's|that's|that_is|the_price_is {money}
            the rent|bill|price|salary|ticket is {money} |a_month|a_day|a_year|each
            please pay|transfer {money}
            i want_to buy|return {item}
            your balance|account is {money}
            that's too expensive|cheap|much
            can_i|may_i pay by|with card|cash|phone
            {person} gave|paid me {money}
            the stock|gold|house price rose|fell by|to {percent}
            i'd_like|i_would_like|can_i_have|could_we_get some|two|three  {food}
            i want|need|like|love {food}
            the menu|bill please
            no|more|without sugar|salt|ice|milk please
            is_there a discount |today
            {small} percent off |today
            what's|what_is for breakfast|lunch|dinner
            let's have|eat|order {food} |{day}
            """
        ),
    },
    _SLOTS,
)
