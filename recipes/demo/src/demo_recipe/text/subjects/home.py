"""Commands to a home: lights, heating, appliances, rooms, cleaning, safety."""

from demo_recipe.text.subjects.slots import SLOTS
from demo_recipe.text.templates import Subject, lines, phrases

_SLOTS = SLOTS | {
    "房间": phrases(
        """
        客厅, 卧室, 主卧, 厨房, 书房, 卫生间, 阳台, 餐厅, 儿童房, 楼上, 楼下, 门口, 车库, 走廊, 办公室, 院子
        """
    ),
    "电器": phrases(
        """
        灯, 电灯, 台灯, 吊灯, 空调, 电视, 风扇, 窗帘, 门, 窗户, 大门, 热水器, 洗衣机, 冰箱, 电脑, 加湿器,
        空气净化器, 电饭煲, 烤箱, 微波炉, 摄像头, 插座, 扫地机器人, 暖气, 音箱, 投影仪, 路由器, 门锁, 开关
        """
    ),
    "量": phrases("温度, 音量, 亮度, 湿度, 风速, 声音"),
    "色": phrases("红色, 黄色, 蓝色, 绿色, 白色, 紫色, 粉色, 暖光, 橙色, 黑色, 灰色"),
    "room": phrases(
        """
        living room, bedroom, kitchen, bathroom, office, garage, hall, garden, study, kids room
        """
    ),
    "device": phrases(
        """
        light, lights, lamp, air conditioner, TV, fan, door, window, heater, washing machine, fridge, computer,
        oven, microwave, camera, robot, speaker, coffee machine, printer, router, lock, alarm
        """
    ),
    "level": phrases("temperature, volume, brightness, humidity, speed, heat"),
    "color": phrases("red, yellow, blue, green, white, pink, orange, black, gray, warm white"),
}  # fmt: skip

HOME = Subject(
    {
        "zh": lines(
            """
            打开|关闭|关掉|关上|启动 {房间}的 {电器}
            打开|关闭|关掉|启动 {电器}
            把 {房间} 的| {电器} 打开|关掉|关上|关了
            请|请你|帮我|麻烦_你| 打开|关|开|关闭 一下| {电器}
            {量} 调高|调低|调大|调小|降低|提高|增加|减少 一点|一些|
            把 {量} 调|设置 到|为|成 {小数}|{百分}|最大|最小|中等
            空调|温度 {小数}度
            空调 调到|设为|开到 制冷|制热|除湿|睡眠|自动|送风 模式
            {房间} 现在 多少|是_多少 度|湿度
            把 灯|灯光|{房间}的灯 调成|换成 {色}
            灯 亮|暗 一点|一些
            {电器} 开着|关了|关好|坏了|没电 了_吗|吗|
            锁|开|关 门|窗
            所有|全部 的_灯|设备|电器 都 打开|关闭|关掉
            开始|停止|暂停|继续 扫地|拖地|充电|洗衣服|打扫|工作
            扫地机器人 回去|开始 充电|清扫
            打扫|清洁 {房间}
            洗 {小数}分钟|三十度|快洗|脱水
            我 回家|出门|起床|睡觉|到家 了
            执行|切换到|启动 回家|离家|睡眠|观影|会客|阅读 模式|场景
            {时长} 后 关闭|打开 {电器}
            {何时} 打开|关闭|启动 {电器}
            谁 在 门口|外面|敲门
            警报|报警|火警 打开|关闭|解除
            厨房 着火|漏水|停电|有_烟 了
            电量|电池 还剩|不足|剩余 {百分}
            浇花|喂猫|喂狗|倒垃圾|收快递
            """
        ),
        "en": lines(
            """
            turn|switch on|off the {room} {device}
            turn|switch on|off the {device}
            turn the {device} on|off
            please|could_you|can_you|would_you turn_on|turn_off|open|close|start|stop the {device}
            open|close|lock|unlock the door|window|garage|curtains|gate
            turn up|down the {level}
            turn the {level} up|down |a_bit|a_little
            set the {level} to {small} |percent|degrees
            make it warmer|colder|brighter|louder|quieter
            increase|reduce the {level} |to_{percent}|by_{percent}
            set|change the lights|lamp to {color}
            the {color} light|lamp|button|one
            is the {device} on|off|open|closed|locked
            {device} in the {room}
            all lights on|off
            turn off|on everything|all_the_lights in the {room}
            start|stop|pause cleaning|charging|the_washing_machine|cooking
            clean|check the {room}
            it_is|it's too cold|hot|dark|bright|loud|warm |in_the_{room}
            good night|movie|away|sleep|party|reading mode
            i'm home|leaving|back|going_to_bed
            turn|switch the {device} off in {duration}
            who is at the door
            start|stop the alarm|security_system|camera
            the battery is at_{percent}|low|full
            there is a_fire|smoke|water in the {room}
            water the flowers
            feed the cat|dog
            """
        ),
    },
    _SLOTS,
)
