/** Says where servers listen, by their names, once all do. */
exports.announce = (ports) => console.log(`listening ${JSON.stringify(ports)}`);
