/** Given to a child with `--import`: when the demo is gone, however it ended, the child ends, too, in good order. */
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
