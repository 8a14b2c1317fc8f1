/** The error that refuses a GraphQL request. */

/**
 * An error that servers take for one of graphql's own and show to the client. It is made without graphql: an application
 * may have it in several copies, of which only the server's own would do.
 */
export function createRefusal(): Error {
  const error = new Error('The request was refused.');
  error.name = 'GraphQLError';
  const extensions = { code: 'FORBIDDEN', http: { status: 403 } };
  return Object.assign(error, {
    extensions,
    // What is sent: the status is the server's to set.
    toJSON: () => ({ message: error.message, extensions: { code: extensions.code } }),
  });
}
