"""Commands to a player, a screen, a search or a robot: music, films, news, files, movements."""

from demo_recipe.text.subjects.slots import SLOTS
from demo_recipe.text.templates import Subject, lines, phrases

_SLOTS = SLOTS | {
    "媒体": phrases(
        """
        音乐, 歌曲, 新闻, 电影, 视频, 录音, 广播, 故事, 相声, 电台, 照片, 节目, 动画片, 游戏, 钢琴曲, 足球比赛
        """
    ),
    "类": phrases("流行, 古典, 摇滚, 轻音乐, 民谣, 儿歌, 中文, 英文, 经典, 最新, 安静, 欢快"),
    "应用": phrases(
        """
        微信, 相机, 浏览器, 地图, 日历, 设置, 蓝牙, 相册, 手电筒, 计算器, 备忘录, 邮箱, 飞行模式, 无线网络, 键盘
        """
    ),
    "media": phrases("music, song, news, movie, video, recording, radio, story, photo, show, game, album"),
    "style": phrases("pop, rock, jazz, classical, country, chinese, english, dance, happy, sad, quiet, old"),
    "app": phrases(
        "camera, map, calendar, bluetooth, notes, email, screen, wifi, microphone"
    ),
}  # fmt: skip

MEDIA = Subject(
    {
        "zh": lines(
            """
            播放|暂停|停止|继续播放|关闭 {媒体}|
            下一首|上一首|下一个|上一个|下一集|上一集|重播|单曲循环|随机播放|顺序播放
            我 想|要 听|看 {类}| {媒体}
            放 一首|一段|一部 {类}| {媒体}
            来 一首 {类} 歌|音乐
            声音|音量 大|小 一点|一些
            静音|取消静音|全屏|退出|返回|确定|确认|取消|删除|保存|发送|复制|开始|结束|是的|不是|可以|好的
            快进|后退|快退 {时长}
            播放 第{小数} 首|集|个
            讲 一个| 故事|笑话
            唱 一首| 歌
            收藏|下载|分享|删除|喜欢 这首_歌|这个_视频|这张_照片|这个_文件
            打开|关闭|退出 {应用}
            搜索|查找|查询|查看 {媒体}|附近_的_餐厅|{应用}
            打开|保存|删除|移动|重命名|打印|关闭 文件|文件夹|文档|表格|图片
            拍照|录像|录音|截图|扫一扫|自拍|开始录音|停止录音
            翻译|朗读|复制 这句_话|这段_文字|成_英文|成_中文
            上|下 一页|滑|翻
            第一|第二|第三|最后 一个|行|页
            放大|缩小|向上|向下|向左|向右|左边|右边|中间|上面|下面
            前进|后退|左转|右转|停下|跟我来|站住|坐下|起立|跳舞|加速|减速
            速度|倍速 一点五倍|两倍|正常|{分数}
            语音 识别|助手|输入 测试|打开|关闭
            这 是|不是 语音|录音 测试
            现在|今天 有_什么 新闻|电影|比赛
            比赛 结果|比分 是 {小数} 比 {小数}
            谁 赢|输 了
            密码|用户名|网络 错误|正确|不对|断开|连接 了|
            重新 开始|启动|连接|登录|输入
            """
        ),
        "en": lines(
            """
            play|pause|stop|resume|start|skip|repeat the|this|my| {media}
            play some|a|the {style} music|song|{media}
            next|previous|last|another song|track|video|page|picture
            play {media}|track|number {small}
            volume up|down|{small}
            mute|full_screen|exit|back|yes|no|okay|cancel|delete|save|send|stop|go|continue
            fast forward |{duration}
            i_want_to|i'd_like_to listen_to|hear|watch {style}| music|songs|movies|news|videos
            tell me a|another joke|story
            sing a song
            save|download|share|delete|like this {media}|file
            open|close|start the| {app}
            search|look for {style} music|movies|videos|restaurants
            open|save|delete|print|close|send the|this file|picture
            take a picture|photo|note
            start|stop recording|the_recording
            translate this_sentence|it into|to english|chinese|french
            scroll up|down|left|right
            zoom in|out
            the first|second|third|last one|line|page|word
            forward|backward|left|right|up|down|stop|go|faster|slower
            come here|back
            sit|stand|get down|up
            follow|show|tell|give|help me
            speech recognition test
            this is a test |recording
            what is in|on the news|radio|TV |today
            who won|lost the game
            the score is {small} to {small}
            wrong|correct|new|old password|answer
            connect to| the| wifi|bluetooth|internet
            restart|update the|my computer|phone|system
            the screen is too bright|dark|small
            add|remove this|it to|from my| favorites|list|playlist
            """
        ),
    },
    _SLOTS,
)
