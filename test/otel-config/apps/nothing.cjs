// An application that does nothing which anybody records.
