/** Given to a child with `--import`: when the demo is gone, however it ended, the child ends, too, in good order. */
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// The listener alone would keep a child alive that has nothing left to do, such as a service that could not start.
process.channel?.unref();
