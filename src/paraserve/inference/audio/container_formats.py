"""The containers and codecs that FFmpeg may read in a recording, and the reason for each container that it may not.

A container is taken when its content tells its format, when it holds sound that people record or publish, and when
its demuxer opens nothing beside the file itself: no other file, no address, no device. A demuxer that is in neither
list is refused too, so a newer FFmpeg takes nothing more until it is decided here.
"""

from collections.abc import Mapping
from types import MappingProxyType

_SPEECH_AND_MUSIC = (
    "aac ac3 act aea aiff amr amrnb amrwb ape au avr bit caf dsf dss dts dtshd eac3 epaf flac iamf iff ilbc ircam "
    "loas mlp mp3 mpc mpc8 nistsphere nsp ogg oma pvf qcp qoa shn sox spdif tak truehd tta voc vqf w64 wav wsd wv wve"
)
_VIDEO_WITH_SOUND = (
    "3g2 3gp asf asf_o avi dhav dv flv gxf hxvs ifv ivr kux live_flv lvf lxf m4a matroska mj2 mov mp4 mpeg mpegts "
    "mxf mxg nsv nut nuv pva rm swf ty vivo webm wtv"
)
TAKEN = tuple((_SPEECH_AND_MUSIC + " " + _VIDEO_WITH_SOUND).split())
"""Names of the demuxers that FFmpeg may use."""

OPENS_OTHER_FILES = "it names other files or addresses, which the server must not open for a client"
REASONS: Mapping[str, str] = MappingProxyType(
    {
        OPENS_OTHER_FILES: "concat dash hls image2 mlv rtp rtsp sap sdp vobsub webm_dash_manifest",
        "it is a device or a generator of sound, not a file": (
            "alsa fbdev kmsgrab lavfi oss sbg v4l2 video4linux2 x11grab"
        ),
        "its bytes do not tell their format, rate or channels: put it into a wav": (
            "alaw aptx aptx_hd bitpacked codec2raw data daud dfpwm f32be f32le f64be f64le g722 g723_1 g726 g726le "
            "g728 g729 gsm lc3 mpegtsraw mulaw rawvideo s16be s16le s24be s24le s32be s32le s337m s8 sbc sln u16be "
            "u16le u24be u24le u32be u32le u8 v210 v210x vidc"
        ),
        "no decoder for its sound is here, or it is encrypted": "aa ac4 apac codec2 laf r3d",
        "it holds subtitles or other text": (
            "adf aqtitle ass bin dvbsub dvbtxt ffmetadata idf jacosub lrc mcc microdvd mpl2 mpsub pjs rcwt realtext "
            "sami scc srt stl subviewer subviewer1 sup tedcaptions tty vplayer webvtt xbin"
        ),
        "it holds pictures": (
            "alias_pix apng bmp_pipe brender_pix cdg cri_pipe dds_pipe dpx_pipe exr_pipe filmstrip fits flic "
            "gem_pipe gif gif_pipe hdr_pipe ico image2pipe j2k_pipe jpeg_pipe jpegls_pipe jpegxl_anim jpegxl_pipe "
            "jpegxs_pipe msp pam_pipe pbm_pipe pcx_pipe pfm_pipe pgm_pipe pgmyuv_pipe pgx_pipe phm_pipe photocd_pipe "
            "pictor_pipe png_pipe ppm_pipe psd_pipe qdraw_pipe qoi_pipe sgi_pipe sunrast_pipe svg_pipe tiff_pipe txd "
            "vbn_pipe webp_pipe xbm_pipe xpm_pipe xwd_pipe"
        ),
        "it holds video without sound": (
            "apv av1 avs2 avs3 cavsvideo cine dirac dnxhd evc h261 h263 h264 hevc ingenient ipu iv8 ivf luodat m4v "
            "mgsts mjpeg mjpeg_2000 mpegvideo mpjpeg msnwctcp nc obu pdv sdr2 ser vc1 vc1test vvc yuv4mpegpipe"
        ),
        "it is a sound or film of a game, an instrument or an old computer, and hardly ever speech": (
            "3dostr 4xm aax ace acm adp ads adx afc aix alp anm apc apm argo_asf argo_brp argo_cvg ast avs "
            "bethsoftvid bfi bfstm bink binka bmv boa bonk brstm c93 cdxl dcstr derf dfa dsicin dxa ea ea_cdata "
            "film_cpk frm fsb fwse gdv genh hca hcom hnm idcin ipmovie iss jv kvag lmlm4 mca mm mmf mods moflex msf "
            "mtaf mtv musx mv mvi osq paf pmp pp_bnk psxstr redspark rka rl2 roq rpl rsd rso scd sdns sds sdx sga "
            "siff simbiosis_imx smjpeg smk smush sol svag svs thp tiertexseq tmv usm vag vividas vmd vpk wady wavarc "
            "wc3movie wsaud wsvqa xa xmd xmv xvag xwma yop"
        ),
    }
)
"""Why a container is not taken, and the names of the demuxers for which that holds."""

REFUSED: Mapping[str, str] = MappingProxyType(
    {name: reason for reason, names in REASONS.items() for name in names.split()}
)
"""The reason for each demuxer that is not taken."""

_PCM = (
    "pcm_alaw pcm_bluray pcm_dvd pcm_f16le pcm_f24le pcm_f32be pcm_f32le pcm_f64be pcm_f64le pcm_lxf pcm_mulaw "
    "pcm_s16be pcm_s16be_planar pcm_s16le pcm_s16le_planar pcm_s24be pcm_s24le pcm_s24le_planar pcm_s32be pcm_s32le "
    "pcm_s32le_planar pcm_s64be pcm_s64le pcm_s8 pcm_s8_planar pcm_u16be pcm_u16le pcm_u24be pcm_u24le pcm_u32be "
    "pcm_u32le pcm_u8 s302m"
)
_ADPCM = (
    "adpcm_ct adpcm_ima_amv adpcm_ima_dk3 adpcm_ima_dk4 adpcm_ima_oki adpcm_ima_qt "
    "adpcm_ima_wav adpcm_ms adpcm_sanyo adpcm_sbpro_2 adpcm_sbpro_3 adpcm_sbpro_4 adpcm_swf adpcm_yamaha 8svx_exp "
    "8svx_fib"
)
_SPEECH = (
    "amrnb amrwb dss_sp evrc g722 g723_1 g726 g726le g728 g729 gsm gsm_ms ilbc libopencore_amrnb libopencore_amrwb "
    "nellymoser qcelp real_144 real_288 sipr siren msnsiren speex libspeex truespeech"
)
_MUSIC = (
    "aac aac_latm ac3 atrac1 atrac3 atrac3al atrac3plus atrac3plusal cook dca dolby_e dvaudio eac3 iac imc libopus "
    "metasound mp1 mp1float mp2 mp2float mp3 mp3adu mp3adufloat mp3float mp3on4 mp3on4float mace3 mace6 mpc7 mpc8 "
    "on2avc opus qdm2 qdmc qoa twinvq vorbis wmapro wmav1 wmav2 wmavoice"
)
_LOSSLESS = (
    "alac als ape dsd_lsbf dsd_lsbf_planar dsd_msbf dsd_msbf_planar dst flac mlp ralf shorten tak truehd tta "
    "wavpack wmalossless"
)
CODECS = frozenset(" ".join((_PCM, _ADPCM, _SPEECH, _MUSIC, _LOSSLESS)).split())
"""Decoders that FFmpeg may use. Video decoders are not among them, so probing a video file runs none."""


def refusal(demuxer: str) -> str:
    """Return why a demuxer is not taken, by its name. Several names of one demuxer are separated by commas."""
    for name in demuxer.split(","):
        if name in REFUSED:
            return REFUSED[name]
    return "it is not known to this version of paraserve"
