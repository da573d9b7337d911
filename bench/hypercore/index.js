// SPDX-License-Identifier: MPL-2.0

// Does one operation with Hypercore and prints what it measured as JSON:
//   node index.js OPERATION DIRECTORY SHARED ARGUMENTS
// The figures of the benchmark call it; what each operation is for stands there.
'use strict'

const { fork } = require('child_process')
const crypto = require('crypto')
const fs = require('fs')
const net = require('net')
const path = require('path')
const Hypercore = require('hypercore')
const Corestore = require('corestore')

const now = () => Number(process.hrtime.bigint()) / 1e9
const quantile = (sorted, q) => sorted[Math.max(Math.ceil(q * sorted.length) - 1, 0)]

function payloads (n, bytes) {
  return Array.from({ length: n }, () => crypto.randomBytes(bytes))
}

function diskUse (dir) {
  let total = 0
  for (const e of fs.readdirSync(dir, { withFileTypes: true, recursive: true })) {
    if (e.isFile()) total += fs.statSync(path.join(e.parentPath || e.path, e.name)).blocks * 512
  }
  return total
}

async function open (dir, key) {
  const core = key ? new Hypercore(dir, key) : new Hypercore(dir)
  await core.ready()
  return core
}

// work appends by as many callers, until all is done or the time is up.
async function work (core, w) {
  const pool = payloads(Math.max(4 * w.batch, 64), w.bytes)
  const calls = Math.max(Math.floor(w.events / w.batch), 1)
  const latencies = []
  const start = now()
  let next = 0
  const caller = async () => {
    while (next++ < calls) {
      const begin = now()
      if (begin - start > w.seconds) return
      const at = Math.floor(Math.random() * (pool.length - w.batch + 1))
      await core.append(w.batch === 1 ? pool[at] : pool.slice(at, at + w.batch))
      latencies.push(now() - begin)
    }
  }
  await Promise.all(Array.from({ length: w.callers }, caller))
  return { events: latencies.length * w.batch, seconds: now() - start, latencies }
}

async function append (dir, shared, w) {
  const core = await open(dir)
  const warm = await work(core, { ...w, events: w.callers * w.batch, seconds: 1 })
  const cpu = process.cpuUsage()
  const done = await work(core, w)
  await core.close()
  const used = process.cpuUsage(cpu)
  const payload = (warm.events + done.events) * w.bytes
  const sorted = done.latencies.sort((a, b) => a - b)
  return {
    rate: done.events / done.seconds,
    events: done.events,
    p50_ms: quantile(sorted, 0.5) * 1e3,
    p99_ms: quantile(sorted, 0.99) * 1e3,
    cpu_us: (used.user + used.system) / done.events,
    payload
  }
}

async function grow (dir, shared, a) {
  const core = await open(dir)
  const points = []
  const begin = now()
  for (const size of a.sizes) {
    const left = a.seconds - (now() - begin)
    if (left <= 0) break
    const done = await work(core, { callers: 8, batch: a.batch, bytes: a.bytes, events: size - core.length, seconds: left })
    if (core.length < size) break
    points.push({ x: size, sample: { rate: done.events / done.seconds } })
  }
  await core.close()
  return points
}

async function fill (dir, shared, a) {
  fs.mkdirSync(shared, { recursive: true })
  const core = await open(shared)
  await work(core, { callers: 1, batch: a.batch, bytes: a.bytes, events: a.events, seconds: 1e6 })
  await core.close()
  return {}
}

async function read (dir, shared, a) {
  const core = await open(shared)
  let n = 0
  const limit = now() + 4 * a.seconds
  const start = now()
  for await (const b of core.createReadStream()) {
    if (b.length !== 256) throw new Error(`a block of ${b.length} bytes`)
    if (++n % 256 === 0 && now() > limit) break
  }
  const iterate = n / (now() - start)
  let got = 0
  const begin = now()
  for (; got < a.events && now() - begin < a.seconds; got++) {
    await core.get(Math.floor(Math.random() * core.length))
  }
  const get = got / (now() - begin)
  await core.close()
  return { iterate, get }
}

// prove makes proofs of a block under the signed head, complete for a reader
// that has nothing. The first few are verified, by such readers; that also
// stores what was proven, so its time says nothing.
async function prove (dir, shared, a) {
  const core = await open(shared)
  let making = 0
  let hashes = 0
  let n = 0
  const begin = now()
  for (; n < a.proofs && now() - begin < a.seconds; n++) {
    const index = Math.floor(Math.random() * core.length)
    const start = now()
    const made = await core.proof({ block: { index, nodes: 0 }, upgrade: { start: 0, length: core.length } })
    const proof = made.settle ? await made.settle() : made
    making += now() - start
    hashes = Math.max(hashes, proof.block.nodes.length + proof.upgrade.nodes.length)
    if (n >= 5) continue
    if (!proof.block.value) proof.block.value = await core.get(index)
    if (!proof.manifest) proof.manifest = core.manifest
    const reader = await open(path.join(dir, `reader${n}`), core.key)
    if (!(await reader.applyProof(proof)) || !(await reader.has(index))) throw new Error(`the proof of block ${index} does not verify`)
    await reader.close()
  }
  await core.close()
  return { make_us: making * 1e6 / n, hashes }
}

async function timedOpen (dir, shared) {
  const start = now()
  const core = await open(shared)
  await core.get(0)
  const ms = (now() - start) * 1e3
  await core.close()
  return { open_ms: ms }
}

// serve is the other process of sync and live: it has the core, and replicates
// it over TCP.
async function serve (dir) {
  const core = await open(dir)
  const server = net.createServer(socket => {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    const s = core.replicate(false)
    s.on('error', () => {})
    socket.pipe(s).pipe(socket)
  })
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, key: core.key.toString('hex') }))
  process.on('message', async m => {
    if (m.events) {
      for (let i = 0; i < m.events; i++) {
        const b = Buffer.alloc(256)
        b.writeDoubleLE(performance.timeOrigin + performance.now())
        await core.append(b)
        await new Promise(resolve => setTimeout(resolve, m.pause))
      }
      return
    }
    await core.close()
    process.exit(0)
  })
}

async function withServer (dir, use) {
  const child = fork(__filename, ['serve', dir, '', '{}'])
  try {
    const hello = await new Promise((resolve, reject) => { child.once('message', resolve); child.once('exit', reject) })
    return await use(child, hello)
  } finally {
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.send({ end: true })
    await ended
  }
}

async function connect (core, port) {
  const socket = net.connect(port, '127.0.0.1')
  await new Promise((resolve, reject) => { socket.once('connect', resolve); socket.once('error', reject) })
  socket.setNoDelay(true)
  const s = core.replicate(true)
  s.on('error', () => {})
  socket.pipe(s).pipe(socket)
  return socket
}

async function sync (dir, shared, a) {
  return withServer(shared, async (child, hello) => {
    const core = await open(dir, Buffer.from(hello.key, 'hex'))
    const start = now()
    const socket = await connect(core, hello.port)
    await core.update({ wait: true })
    let events = 0
    core.on('download', () => events++)
    const range = core.download({ start: 0, end: a.events })
    const limit = new Promise(resolve => setTimeout(resolve, 1e3 * a.seconds))
    await Promise.race([range.done(), limit])
    const seconds = now() - start
    const wire = socket.bytesRead + socket.bytesWritten
    if (events === 0) throw new Error('no block came')
    socket.destroy()
    await core.close()
    return { rate: events / seconds, mib_s: wire / 1048576 / seconds, wire: wire / events }
  })
}

async function live (dir, shared, a) {
  return withServer(path.join(dir, 'server'), async (child, hello) => {
    const core = await open(path.join(dir, 'client'), Buffer.from(hello.key, 'hex'))
    const socket = await connect(core, hello.port)
    await new Promise(resolve => setTimeout(resolve, 500))
    child.send({ events: a.events, pause: 5 })
    const ms = []
    for (let i = 0; i < a.events; i++) {
      const b = await core.get(i)
      ms.push(performance.timeOrigin + performance.now() - b.readDoubleLE())
    }
    socket.destroy()
    await core.close()
    ms.sort((x, y) => x - y)
    return { p50_ms: quantile(ms, 0.5), p99_ms: quantile(ms, 0.99) }
  })
}

// anonymous is the memory of this process that is its own, in MiB.
const anonymous = () => Number(/^Anonymous:\s+(\d+)/m.exec(fs.readFileSync('/proc/self/smaps_rollup', 'utf8'))[1]) / 1024

async function logs (dir, shared, a) {
  const payload = crypto.randomBytes(a.bytes)
  const store = new Corestore(dir)
  await store.ready()
  const start = now()
  let next = 0
  let made = 0
  const caller = async () => {
    while (next < a.logs && now() - start < a.seconds) {
      const core = store.get({ name: `log ${next++}` })
      await core.append(payload)
      await core.close()
      made++
    }
  }
  await Promise.all(Array.from({ length: 256 }, caller))
  const seconds = now() - start
  await store.close()
  const bytes = diskUse(dir) / made
  const begin = now()
  const again = new Corestore(dir)
  const core = again.get({ name: 'log 0' })
  await core.get(0)
  const openMs = (now() - begin) * 1e3
  const mib = anonymous()
  await core.close()
  await again.close()
  return { made, create_us: seconds * 1e6 / made, bytes, open_ms: openMs, anon_mib: mib }
}

const operations = { append, grow, fill, read, prove, open: timedOpen, serve, sync, live, logs }

async function main () {
  const [operation, dir, shared, args] = process.argv.slice(2)
  const result = await operations[operation](dir, shared, JSON.parse(args))
  if (operation === 'serve') return
  process.stdout.write(JSON.stringify(result) + '\n', () => process.exit(0))
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
