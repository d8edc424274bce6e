import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { errorOf, itemTable, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: itemTable })

it('a writer that starts up is asked again: by a write for as long as connect_timeout lasts, by a global read until it answers', async () => {
  const mayGoOn = join(rig.servers.folder, 'may-go-on')
  // Until it is done it would let readers in.
  await rig.onPrimary('ALTER SYSTEM SET hot_standby = off')
  await rig.onPrimary(
    `ALTER SYSTEM SET restore_command = 'while [ ! -e "${mayGoOn}" ]; do sleep 0.02; done; false'`,
  )
  // A start that asks for an archive takes as long as the archive does.
  await writeFile(join(rig.servers.folder, 'primary', 'recovery.signal'), '')
  const [patient, hasty] = [await rig.reader(), await rig.reader()]
  await hasty.query("SET apg_write_forward.connect_timeout = '1s'")
  const global = await rig.reader({ options: '-c apg_write_forward.consistency_mode=global' })
  const restarted = rig.endpoint.faults.restartWriter()
  // While it shuts down it says 57P03 too, in other words.
  const said = () => errorOf(rig.onPrimary('SELECT 1')).then(({ message }) => message, String)
  while (!(await said()).match(/starting up|not accepting/));

  const written = patient.query('INSERT INTO item VALUES (1)')
  const read = global.query('SELECT id FROM item')
  const refused = await errorOf(hasty.query('INSERT INTO item VALUES (2)'))
  expect(refused.code).toBe('08001')
  expect((await hasty.query('SELECT id FROM item')).rows).toEqual([])
  const hastyReader = await rig.reader({
    options: '-c apg_write_forward.consistency_mode=global -c statement_timeout=50',
  })
  expect((await errorOf(hastyReader.query('SELECT id FROM item'))).code).toBe('57014')
  await writeFile(mayGoOn, '')
  await Promise.all([restarted, written, read])
  await hasty.query('INSERT INTO item VALUES (3)')
  expect(await rig.onPrimary('SELECT id FROM item ORDER BY id')).toEqual([{ id: 1 }, { id: 3 }])
})
