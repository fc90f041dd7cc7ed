"""The made-up district 青柳区 (Qingliu): what is true of it, and how it is delivered."""
