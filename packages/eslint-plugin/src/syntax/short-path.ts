/** A file's name with its folder's: many a code base has forty files called `service.ts`. */
export function shortPath(file: string): string {
  return file.split(/[/\\]/u).slice(-2).join('/')
}
