/** 20,000 blocks of 8 KB are 160 MB: about two seconds of hashing, far below the Data API's 45. */
const BLOCKS_A_CALL = 20_000;

/** Where the next call's range of a table ends; null is the table's end, however far it has grown. */
export function rangeEnd(from: { readonly nextBlock: number; readonly blocks: number }): number | null {
  const end = from.nextBlock + BLOCKS_A_CALL;
  return end < from.blocks ? end : null;
}
