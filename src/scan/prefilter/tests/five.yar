// Thirteen patterns in the manner of the built-in hunts: long texts, one in both widths, two hex patterns with guards.
rule enabled { strings: $s1 = "Storage of enabled modules." fullword ascii condition: 1 of them }
rule callback { strings: $s1 = "10.20.30.40:9999" fullword ascii wide condition: 1 of them }
rule loader {
  strings:
    $s1 = "no such version of the module!" fullword ascii
    $s2 = "class Loader:" fullword ascii
  condition: all of them
}
rule session {
  strings:
    $s1 = "prompt is there, going on" fullword ascii
    $s2 = "login refused, wrong name, stop" fullword ascii
    $s3 = "sending line \" + str(i) + \"/\" + str(all) + \", size \" + str(len(part) + " fullword ascii
    $s4 = "received ack - STATE: done, load: broken, was not run" fullword ascii
    $s5 = "nothing came back from the other side, which may be a failure, or an old version that does not answer" ascii
    $s6 = "received ack - STATE: done, load: fail" fullword ascii
    $s7 = "cut = text.rstrip(load, \"\\x0a\")" fullword ascii
  condition: ( filesize < 10KB and 2 of them ) or ( 3 of them )
}
rule tiny {
  strings:
    $s1 = { 73 68 73 74 72 74 61 62 00 2E 74 65 78 74 }
    $s2 = { 5A 58 55 52 89 E2 55 50 89 E1 }
  condition: uint32(0) == 0x464c457f and filesize < 270 and all of them
}
