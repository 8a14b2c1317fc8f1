import { registerHooks } from 'node:module';

export function joinImportPaths() {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (!context.conditions.includes('import') || !/^\.\.?\/.*\.[jt]s$/.test(specifier))
        return next(specifier, context);
      const { href } = new URL(specifier, context.parentURL);
      return { url: href, format: href.endsWith('.ts') ? 'module-typescript' : undefined, shortCircuit: true };
    },
  });
  return () => hooks.deregister();
}
