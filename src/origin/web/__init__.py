"""The page `origin ui`: a web application that shows one database, and writes nothing."""
